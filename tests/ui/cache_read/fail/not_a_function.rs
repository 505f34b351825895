use larder::cache_read;

#[cache_read(key = "k")]
struct User;

#[cache_read(key = "k")]
impl User {}

fn main() {}
