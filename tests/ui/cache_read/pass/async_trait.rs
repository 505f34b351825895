//! Traits and implementations by `#[async_trait]`.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use async_trait::async_trait;
use larder::{cache_read, cache_write};
use std::sync::Arc;

/// A port.
#[async_trait]
pub trait Users: Send + Sync {
    /// One.
    async fn find(&self, id: u64) -> Result<String, ()>;

    /// Some.
    async fn list(&self, (page, size): (u64, u64), names: &[&str]) -> Vec<String>;

    /// Shared.
    async fn shared(self: Arc<Self>, id: u64) -> u64;

    /// Changes one.
    async fn rename(&mut self, id: u64, name: String) -> Result<(), ()>;

    /// Any.
    #[cache_read(key = "any:{id}", skip(self))]
    async fn any(&self, id: u64) -> String {
        self.find(id).await.unwrap_or_default()
    }
}

struct Db(String);

#[async_trait]
impl Users for Db {
    #[cache_read(key = "user:{self.0}:{id}", tags = ["users"])]
    async fn find(&self, id: u64) -> Result<String, ()> {
        if id == 0 {
            return Err(());
        }
        Ok(self.0.clone())
    }

    #[cache_read(key = ("list", page, names.len()), skip(self, size))]
    async fn list(&self, (page, size): (u64, u64), names: &[&str]) -> Vec<String> {
        let _ = (page, size);
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[cache_read(key = "shared:{self.0}:{id}")]
    async fn shared(self: Arc<Self>, id: u64) -> u64 {
        id
    }

    #[cache_write(tags = ["user:{id}", "users"], recache = [self.find(id)])]
    async fn rename(&mut self, id: u64, name: String) -> Result<(), ()> {
        let _ = id;
        self.0 = name;
        Ok(())
    }
}

/// On one thread.
#[async_trait(?Send)]
pub trait Local {
    /// Any.
    #[cache_read(key = "local:{id}", skip(self))]
    async fn any(&self, id: u64) -> u64 {
        *std::rc::Rc::new(id)
    }
}

impl Local for Db {}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut db = Db("a".to_owned());
    assert_eq!(is_send(db.find(1)).await, Ok("a".to_owned()));
    assert_eq!(is_send(Users::any(&db, 1)).await, "a");
    assert_eq!(is_send(db.list((1, 2), &["x"])).await, ["x"]);
    is_send(db.rename(1, "b".to_owned())).await.unwrap();
    assert_eq!(db.find(1).await, Ok("b".to_owned()));
    assert_eq!(Local::any(&db, 1).await, 1);
    assert_eq!(is_send(Arc::new(db).shared(1)).await, 1);
}
