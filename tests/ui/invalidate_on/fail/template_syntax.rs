use larder::invalidate_on;

invalidate_on!("user.updated", tags = ["user:{user_id", "user:{a}{b}"], keys = "user:{user_id}");

fn main() {}
