use larder::cache_read;

#[cache_read(key = 7, tags = "users", cache = 7, lock = "yes")]
async fn load() -> u64 {
    0
}

fn main() {}
