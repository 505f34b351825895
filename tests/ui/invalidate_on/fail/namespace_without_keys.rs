use larder::invalidate_on;

invalidate_on!("user.updated", tags = ["user:{user_id}"], namespace = "{org}");

fn main() {}
