use larder::resource;

resource! {
    user() {
        profile;
    }
}

resource! {
    org {
        profile;
    }
}

fn main() {}
