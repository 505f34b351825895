use larder::cache_read;

#[cache_read(key = "k:{id}", ttl = 60, early_ttl = 30)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
