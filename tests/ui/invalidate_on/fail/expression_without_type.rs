use larder::invalidate_on;

invalidate_on!("user.updated", tags = [format!("user:{}", event.user_id)], keys = [("user", event.id)]);

fn main() {}
