use larder::cache_read;

larder::resource! {
    user(id: u64) { profile; }
}

#[cache_read(user::profile(id))]
async fn load(id: u64, full: bool) -> u64 {
    id + u64::from(full)
}

fn main() {}
