use larder::cache_read;

#[cache_read(key = "k:{a}")]
async fn load((&a, _): (&u64, &u64)) -> u64 {
    a
}

fn main() {}
