use larder::cache_read;

#[cache_read(key = "k:{id}")]
async fn tail(id: u64) -> bool {
    id
}

#[cache_read(key = "k:{id}")]
async fn early(id: u64) -> u64 {
    if id > 3 {
        return "three";
    }
    id
}

#[cache_read(key = "k:{id}")]
async fn question(id: u64) -> Result<u64, std::num::ParseIntError> {
    std::fs::read("x")?;
    Ok(id)
}

fn main() {}
