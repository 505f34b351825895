use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}", tags = ["users", "user:{di}"])]
async fn users(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

#[cache_read_many(key = "user:{id}", tags = [tag_of(ids)])]
async fn of_all(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

fn main() {}
