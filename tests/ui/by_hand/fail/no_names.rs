use larder::by_hand;

by_hand!(7);
by_hand!("");
by_hand!("user:{");
by_hand!(["users"]);
by_hand!("users", cache = "");
by_hand!("users", chache = "sessions");
by_hand!(tags = ["users"]);

fn main() {}
