use larder::cache_read;

#[cache_read(key = "k:{id}")]
async fn load(id: &str) -> Option<&str> {
    Some(id)
}

fn main() {}
