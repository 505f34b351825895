use larder::cache_read;

#[cache_read(key = "k:{id}:{trace}")]
async fn load(id: u64, #[cfg(any())] trace: u64) -> u64 {
    id
}

fn main() {}
