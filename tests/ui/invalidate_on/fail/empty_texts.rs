use larder::invalidate_on;

invalidate_on!("", tags = [""], cache = "");

fn main() {}
