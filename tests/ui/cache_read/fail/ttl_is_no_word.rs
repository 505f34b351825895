use larder::cache_read;

#[cache_read(key = "k:{id}", ttl = lnog)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", ttl = eternal)]
async fn other(id: u64) -> u64 {
    id
}

fn main() {}
