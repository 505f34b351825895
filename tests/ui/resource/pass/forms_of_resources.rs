//! Every form is taken, and trips no lint.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

/// Resources.
pub mod resources {
    larder::resource! {
        /// A user.
        pub user(user_id: u64) {
            /// Documented.
            profile: ttl = 300, lock,;
            settings: ttl = "10m", lock = false;
            bare;
        }

        /// Members.
        pub member(org: &'static str, user_id: u64,) {
            role(team: Option<&str>): tags = ["team:{team}"];
        }
    }
}

/// Uses one.
#[larder::cache_read(resources::member::role(org, id, None))]
pub async fn role(org: &'static str, id: u64) -> Option<u8> {
    u8::try_from(id).ok().filter(|_| !org.is_empty())
}

fn main() {}
