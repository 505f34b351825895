use larder::cache_read;

larder::resource! {
    user(id: u64) { profile; }
}

#[cache_read(user::profile(id), key = "k:{id}", namespace = "n")]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
