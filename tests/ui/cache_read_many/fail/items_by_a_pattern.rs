use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(ref ids: Vec<u64>) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

fn main() {}
