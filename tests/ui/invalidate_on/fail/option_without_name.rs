use larder::invalidate_on;

invalidate_on!("user.updated", ["user:{user_id}"]);

fn main() {}
