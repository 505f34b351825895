use larder::{cache_read, cache_write};

#[cache_read(key = "user:{id}")]
async fn get_user(id: u64) -> Result<String, std::io::Error> {
    Ok(id.to_string())
}

async fn find_user(id: u64) -> String {
    id.to_string()
}

#[cache_write(put = [get_user(id), find_user(id)])]
async fn save(id: u64) -> String {
    id.to_string()
}

#[cache_write(put = find_user(ret.len() as u64))]
async fn create() -> String {
    String::new()
}

fn main() {}
