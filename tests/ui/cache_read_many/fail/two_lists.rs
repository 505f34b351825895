use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(ids: &[u64], columns: Vec<String>) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, columns.concat())).collect()
}

fn main() {}
