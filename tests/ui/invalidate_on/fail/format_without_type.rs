use larder::invalidate_on;

invalidate_on!("user.updated", tags = ["user:{user_id:08}"]);

fn main() {}
