use larder::Projection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Projection)]
struct Page<T> {
    id: u64,
    items: T,
}

async fn first(cache: &larder::Cache) -> Option<Page<u8>> {
    cache.projections().get(1).await.ok()?
}

fn main() {}
