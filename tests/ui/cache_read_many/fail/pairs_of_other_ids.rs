use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(ids: &[u64]) -> HashMap<String, u64> {
    ids.iter().map(|id| (id.to_string(), *id)).collect()
}

fn main() {}
