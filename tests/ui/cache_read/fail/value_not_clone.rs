use larder::cache_read;

#[derive(serde::Serialize, serde::Deserialize)]
struct User(u64);

#[cache_read(key = "k:{id}")]
async fn load(id: u64) -> Option<User> {
    Some(User(id))
}

fn main() {}
