larder::by_hand!();
larder::by_hand!(cache = "sessions");

fn main() {}
