use larder::{cache_read, cache_write};

#[cache_read(key = "user:{id}")]
async fn get_user(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

#[cache_write(put = get_user(id).await)]
async fn save(id: u64) -> String {
    id.to_string()
}

fn main() {}
