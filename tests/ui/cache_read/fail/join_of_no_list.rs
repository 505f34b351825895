use larder::cache_read;

#[cache_read(key = "users:{id:join}")]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
