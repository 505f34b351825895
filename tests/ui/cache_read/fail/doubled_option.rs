use larder::cache_read;

#[cache_read(key = "k:{id}", ttl = 300, ttl = 600)]
async fn load(id: u64) -> u64 {
    id
}

// The companion is there all the same.
async fn use_it() -> Result<(), larder::Error> {
    let _: larder::Key = load::key(7);
    load::prime(7, &3).await?;
    load::refresh(7).await;
    load::invalidate(7).await?;
    let _: Option<u64> = load::peek(7).await?;
    Ok(())
}

fn main() {}
