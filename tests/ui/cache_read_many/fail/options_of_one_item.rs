use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}", early_ttl = 60, load_timeout = "1s", cache_err = "5s")]
async fn users(ids: &[u64]) -> Result<HashMap<u64, String>, String> {
    Ok(ids.iter().map(|id| (*id, String::new())).collect())
}

fn main() {}
