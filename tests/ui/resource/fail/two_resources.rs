use larder::resource;

resource! {
    user(id: u64) { profile; }
    user(id: u64) { settings; }
}

fn main() {}
