use larder::cache_read;

#[cache_read(key = "k:{id}")]
async fn load(id: u64, name: &str) -> u64 {
    id + name.len() as u64
}

fn main() {}
