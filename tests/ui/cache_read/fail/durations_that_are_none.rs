use larder::cache_read;

#[cache_read(
    key = "user:{id}",
    early_ttl = 0,
    stale_for = "a while",
    load_timeout = 1.5,
    jitter = "200%",
    cache_err = "0s"
)]
async fn load(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cache_read(key = "name:{id}", stale_for = -1, jitter = "ten%")]
async fn name(id: u64) -> u64 {
    id
}

fn main() {}
