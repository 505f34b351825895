use larder::invalidate_on;

#[derive(serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

invalidate_on!("user.updated": UserUpdated, tags = ["user:{id}"]);

fn main() {}
