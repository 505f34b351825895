use larder::cache_read;

#[cache_read(key = "a:{id:>8}:{name:hsah}", tags = ["b:{id:?}"])]
async fn load(id: u64, name: &str) -> u64 {
    id
}

fn main() {}
