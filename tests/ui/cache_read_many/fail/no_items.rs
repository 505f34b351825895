use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(id: u64) -> HashMap<u64, String> {
    HashMap::from([(id, String::new())])
}

#[cache_read_many(key = "team:{id}", skip(ids))]
async fn teams(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

fn main() {}
