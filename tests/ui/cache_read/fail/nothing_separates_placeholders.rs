use larder::cache_read;

#[cache_read(key = "k:{a}{b}")]
async fn load(a: u64, b: u64) -> u64 {
    a + b
}

fn main() {}
