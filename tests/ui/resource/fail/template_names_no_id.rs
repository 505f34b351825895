use larder::resource;

resource! {
    user(user_id: u64) {
        profile: key = "profile:{user}", tags = ["team:{team}"];
    }
}

fn main() {}
