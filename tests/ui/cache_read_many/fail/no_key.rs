use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(ttl = 300)]
async fn users(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

#[cache_read_many("user:{id}")]
async fn without_a_name(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

fn main() {}
