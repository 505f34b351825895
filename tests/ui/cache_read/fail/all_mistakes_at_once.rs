use larder::cache_read;

#[cache_read(key = "k:{ib}", ttl = 0, tags = ["t:{nmae}"], lok, skip(trase))]
async fn load(id: u64, name: &str, trace: bool) -> u64 {
    id + name.len() as u64 + u64::from(trace)
}

fn main() {}
