use larder::resource;

struct Id;

resource! {
    user(id: Id) {
        profile;
    }
}

fn main() {}
