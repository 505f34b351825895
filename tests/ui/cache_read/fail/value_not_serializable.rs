use larder::cache_read;

struct User(u64);

#[cache_read(key = "k:{id}")]
async fn load(id: u64) -> Result<User, std::io::Error> {
    Ok(User(id))
}

#[cache_read(key = "k:{id}")]
pub async fn plain(id: u64) -> Vec<User> {
    vec![User(id)]
}

fn main() {}
