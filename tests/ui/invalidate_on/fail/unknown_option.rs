use larder::invalidate_on;

invalidate_on!("user.updated", tag = ["user:{user_id}"]);

fn main() {}
