use larder::cache_read;

#[cache_read(key = "", tags = [""], namespace = "", cache = "")]
async fn load() -> u64 {
    0
}

#[cache_read(key = "k", tags = [])]
async fn untagged() -> u64 {
    0
}

fn main() {}
