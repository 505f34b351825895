use larder::resource;

resource! {
    user(id: u64) {
        profile;
        profile: ttl = 5;
    }
}

fn main() {}
