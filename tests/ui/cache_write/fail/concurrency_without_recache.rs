use larder::cache_write;

#[cache_write(tags = ["user:{id}"], recache_max_concurrency = 3)]
async fn save(id: u64) {
    let _ = id;
}

fn main() {}
