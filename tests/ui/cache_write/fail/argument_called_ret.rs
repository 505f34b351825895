use larder::cache_write;

#[cache_write(tags = ["user:{ret}"])]
async fn save(ret: u64) -> u64 {
    ret
}

fn main() {}
