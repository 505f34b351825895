use larder::{cache_read, cache_write};

#[cache_read(key = "user:{id}")]
async fn get_user(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[cache_write(put = get_user(id))]
async fn save(id: u64) -> Result<u32, std::io::Error> {
    let _ = id;
    Ok(7)
}

fn main() {}
