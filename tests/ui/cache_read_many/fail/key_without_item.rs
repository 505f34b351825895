use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "users:{org}")]
async fn users(org: u64, user_ids: &[u64]) -> HashMap<u64, String> {
    user_ids.iter().map(|id| (*id, org.to_string())).collect()
}

#[cache_read_many(key = ("users", org))]
async fn in_parts(org: u64, user_ids: &[u64]) -> HashMap<u64, String> {
    user_ids.iter().map(|id| (*id, org.to_string())).collect()
}

fn main() {}
