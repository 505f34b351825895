use larder::cache_read;

#[cache_read(key = "k")]
const fn load() -> u64 {
    1
}

fn main() {}
