use larder::cache_read;

larder::resource! {
    user(id: u64) { profile; }
}

#[cache_read(user::profile(name))]
async fn load(name: &str) -> usize {
    name.len()
}

fn main() {}
