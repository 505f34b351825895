use larder::cache_read;

#[cache_read(key = "k:{id}" ttl = 300)]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
