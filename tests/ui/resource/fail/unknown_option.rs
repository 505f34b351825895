use larder::resource;

resource! {
    user(id: u64) {
        profile: tll = 300;
    }
}

#[larder::cache_read(user::profile(id))]
async fn load(id: u64) -> u64 {
    id
}

fn main() {}
