use larder::resource;

resource! {
    user(id: u64) {
        profile: ttl = 0;
        settings: ttl = "5 parsecs";
    }
}

fn main() {}
