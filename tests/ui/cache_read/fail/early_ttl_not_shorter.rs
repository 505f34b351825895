use larder::cache_read;

#[cache_read(key = "user:{id}", ttl = "5m", early_ttl = 300)]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
