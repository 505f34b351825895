use larder::resource;

resource! {
    user(id: u64) {
        profile: ttl = 300
    }
}

resource! {
    org(id: u64) {
        profile
        settings;
    }
}

fn main() {}
