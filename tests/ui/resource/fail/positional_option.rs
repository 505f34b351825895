use larder::resource;

resource! {
    user(id: u64) {
        profile: "profile:{id}";
    }
}

fn main() {}
