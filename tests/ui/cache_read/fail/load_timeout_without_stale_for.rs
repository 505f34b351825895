use larder::cache_read;

#[cache_read(key = "user:{id}", load_timeout = "100ms")]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
