use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}:{name}")]
async fn users(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

#[cache_read_many(key = "user:{ogr}:{id}")]
async fn with_a_slip(org: &str, ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, org.to_owned())).collect()
}

fn main() {}
