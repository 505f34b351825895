use larder::resource;

resource! {
    user(id: u64) {
        tag;
    }
}

fn main() {}
