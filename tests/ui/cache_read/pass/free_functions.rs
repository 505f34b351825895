//! Public, crate-wide and private functions in one module, with companions of the same visibility.
#![deny(missing_docs, unreachable_pub, dead_code)]
#![forbid(unsafe_code)]

/// Users.
pub mod users {
    use larder::cache_read;

    /// For everybody.
    #[cache_read(key = "a:{id}")]
    pub async fn everybody(id: u64) -> u64 {
        within(id).await
    }

    #[cache_read(key = "b:{id}")]
    pub(crate) async fn within(id: u64) -> u64 {
        here(id).await
    }

    #[cache_read(key = "c:{id}")]
    async fn here(id: u64) -> u64 {
        id
    }
}

/// Uses them from outside.
pub async fn use_them() -> Result<(), larder::Error> {
    let _ = (users::everybody(1).await, users::within(1).await);
    users::everybody::invalidate(1).await?;
    users::within::prime(1, &2).await
}

fn main() {}
