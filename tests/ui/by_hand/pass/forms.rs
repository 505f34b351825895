#![deny(warnings, unused)]

use larder::{by_hand, resource};

resource! {
    pub user(id: u64) {
        profile;
    }
}

by_hand!("users", "user:{id}", "user:<user.id>");
larder::by_hand!(user::profile, crate::user::tag, cache = "sessions",);

fn main() {
    by_hand!("users");
    by_hand!(user::profile);
}
