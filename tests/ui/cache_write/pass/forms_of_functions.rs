//! Every form is taken, and trips no lint.
#![deny(warnings)]
#![forbid(unsafe_code)]

use larder::{Tag, cache_write};

/// A repository.
pub trait Users {
    /// Renames.
    fn rename(&self, id: u64, name: String) -> impl std::future::Future<Output = Result<(), ()>>;
}

/// In memory.
pub struct InMemory;

impl Users for InMemory {
    #[cache_write(tags = ["user:{id}"])]
    async fn rename(&self, id: u64, name: String) -> Result<(), ()> {
        drop(name);
        Ok(())
    }
}

/// Creates.
#[cache_write(Tag::new("users"), tags = ["user:{ret}"], invalidate = "on_ok")]
pub async fn create<T: Into<u64>>(id: T) -> u64 {
    id.into()
}

fn main() {}
