use larder::cache_write;

#[cache_write(tags = ["user:{id}"], invalidate = "onok")]
async fn save(id: u64) {
    let _ = id;
}

#[cache_write(tags = ["user:{id}"], invalidate = "later")]
async fn later(id: u64) {
    let _ = id;
}

fn main() {}
