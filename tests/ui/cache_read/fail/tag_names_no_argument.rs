use larder::cache_read;

#[cache_read(key = "k:{id}", tags = ["users", "user:{ib}"])]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
