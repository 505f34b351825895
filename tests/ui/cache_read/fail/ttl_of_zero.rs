use larder::cache_read;

#[cache_read(key = "k:{id}", ttl = 0)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", ttl = "0s")]
async fn text(id: u64) -> u64 {
    id
}

fn main() {}
