use larder::cache_write;

#[cache_write(tags = "user:{id}", keys = "user:{id}")]
async fn save(id: u64) {
    let _ = id;
}

fn main() {}
