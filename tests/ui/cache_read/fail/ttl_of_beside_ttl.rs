use larder::cache_read;
use std::time::Duration;

#[cache_read(key = "user:{id}", ttl = 60, ttl_of = |id| Duration::from_secs(*id))]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
