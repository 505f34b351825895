use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(org: u64, ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, org.to_string())).collect()
}

fn main() {}
