use larder::cache_write;

#[cache_write(tags = ["user:{id}"], namespace = "n")]
async fn save(id: u64) {
    let _ = id;
}

fn main() {}
