use larder::invalidate_on;

invalidate_on!("user.updated");
invalidate_on!();

fn main() {}
