use larder::cache_read;

#[cache_read(key = "k:{id}", namespace = "{org}:{region}")]
async fn load(id: u64, org: &str, region: &str) -> u64 {
    id + (org.len() + region.len()) as u64
}

fn main() {}
