use larder::cache_read;

#[cache_read(key = "k:{id}", ttl)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read(key = , ttl = 5)]
async fn keyless(id: u64) -> u64 {
    id
}

fn main() {}
