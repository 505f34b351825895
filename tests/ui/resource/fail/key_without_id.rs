use larder::resource;

resource! {
    user(id: u64) {
        profile: key = "profile";
        avatar(size: u32): key = "avatar:{id}";
    }
}

fn main() {}
