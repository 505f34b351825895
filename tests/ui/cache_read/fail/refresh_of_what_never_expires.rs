use larder::cache_read;

#[cache_read(key = "user:{id}", ttl = never, refresh)]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
