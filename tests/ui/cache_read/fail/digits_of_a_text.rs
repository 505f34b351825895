use larder::cache_read;

#[cache_read(key = "user:{name:08}")]
async fn load(name: &str) -> u64 {
    name.len() as u64
}

fn main() {}
