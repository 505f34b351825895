use larder::cache_read;

#[cache_read(key = "k:{id}", ttl = "5 parsecs")]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", ttl = -5)]
async fn negative(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", ttl = 1.5)]
async fn fraction(id: u64) -> u64 {
    id
}

fn main() {}
