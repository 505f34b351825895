use larder::cache_read;

fn profile(id: u64) -> u64 {
    id
}

#[cache_read(profile(id))]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read("user:{id}")]
async fn literal(id: u64) -> u64 {
    id
}

fn main() {}
