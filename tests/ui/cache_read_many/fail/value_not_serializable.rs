use std::collections::HashMap;

use larder::cache_read_many;

#[derive(Clone)]
struct User;

#[cache_read_many(key = "user:{id}")]
async fn users(ids: &[u64]) -> HashMap<u64, User> {
    ids.iter().map(|id| (*id, User)).collect()
}

fn main() {}
