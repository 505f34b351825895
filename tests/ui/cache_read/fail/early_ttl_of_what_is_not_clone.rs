use larder::cache_read;

struct Pool;

#[cache_read(key = "user:{id}", early_ttl = 60, skip(pool))]
async fn load(pool: Pool, id: u64) -> u64 {
    let _ = pool;
    id
}

fn main() {}
