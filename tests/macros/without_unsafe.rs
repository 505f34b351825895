//! Expansions are safe code, and trip no lint.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

use larder::{cache_read, cache_write, resource};

use crate::{Opaque, User, with_cache};

resource! {
    /// A thing.
    pub(crate) thing(id: u64, name: &str) {
        /// One of it.
        one(owned: String): ttl = 5, lock, tags = ["all"];
        other;
    }
}

/// Reads.
///
/// # Errors
/// Sometimes.
#[cache_read(key = "user:{id}:{name}", tags = ["user:{id}", "name:{name}"], ttl = "5m", lock)]
pub(crate) async fn read(id: u64, name: String) -> Result<User, Opaque> {
    if id == 0 {
        return Err(Opaque);
    }
    Ok(User { id, name })
}

#[cache_read(skip(_unused))]
pub(crate) async fn hashed(id: u64, (a, _b): (u8, String), _unused: &mut Vec<u8>) -> Option<u64> {
    Some(id + u64::from(a))
}

#[cache_read(thing::one(id, name, owned.clone()))]
async fn from_resource(id: u64, name: &str, owned: String) -> usize {
    id.to_string().len() + name.len() + owned.len()
}

#[cache_read(key = "unit")]
async fn unit() {}

#[cache_write(
    thing::tag(id, &name),
    tags = ["user:{ret.id}"],
    recache = [read(id, name)],
    recache_max_concurrency = 2
)]
async fn write(id: u64, name: String) -> Result<User, Opaque> {
    Ok(User { id, name })
}

#[cache_write(tags = ["all:{ret}"])]
async fn write_sum(id: u64, more: u64) -> u64 {
    id + more
}

#[cache_read(key = "helped:{id}")]
async fn with_items(mut id: u64) -> u64 {
    const MORE: u64 = 1;
    fn add(id: u64) -> u64 {
        id + MORE
    }
    id = add(id);
    id
}

#[cache_write(tags = ["user:{id}"])]
async fn write_unit(id: u64) {
    let _ = id;
}

struct Service {
    name: String,
}

impl Service {
    #[cache_read(key = "s:{self.name}:{id}", tags = ["s:{self.name}"])]
    async fn get(&self, id: u64) -> Result<u64, Opaque> {
        Ok(id)
    }

    #[cache_write(tags = ["s:{self.name}"], recache = [self.get(id)])]
    async fn set(&self, id: u64) -> Result<(), Opaque> {
        let _ = self.get(id).await?;
        Ok(())
    }
}

#[tokio::test]
async fn all_of_it_runs() {
    with_cache(async {
        assert!(read(1, "a".to_owned()).await.is_ok());
        assert_eq!(
            hashed(1, (2, String::new()), &mut Vec::new()).await,
            Some(3)
        );
        assert_eq!(from_resource(1, "a", "b".to_owned()).await, 3);
        unit().await;
        assert!(write(1, "a".to_owned()).await.is_ok());
        write_unit(1).await;
        assert_eq!(write_sum(1, 2).await + with_items(1).await, 5);
        let service = Service {
            name: "n".to_owned(),
        };
        assert!(service.set(1).await.is_ok());
    })
    .await;
}
