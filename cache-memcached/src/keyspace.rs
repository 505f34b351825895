//! Where blobs are on the server: names as keys that memcached takes.

use std::fmt::Write as _;

use larder_core::blobs::Name;
use sha2::{Digest as _, Sha256};

/// The longest key that memcached takes, in bytes.
const LONGEST: usize = 250;

/// What a hashed name begins with.
const HASHED: char = '~';

/// What a generation begins with.
const GENERATION: char = '#';

/// Names as keys: `prefix:version:` and the key, or `#` and the scope. A name that is too long, or has
/// bytes other than visible ASCII, is `~` (or `~#`) and its SHA-256 instead.
#[derive(Debug)]
pub(crate) struct Keyspace {
    /// `prefix:version:`
    base: String,
}

impl Keyspace {
    pub(crate) fn new(prefix: &str, version: &str) -> Self {
        Self {
            base: format!("{prefix}:{version}:"),
        }
    }

    pub(crate) fn key(&self, name: &Name<'_>) -> String {
        let mut key = self.base.clone();
        match name {
            Name::Slot(text) => {
                if text.starts_with([HASHED, GENERATION]) || !self.fits(text) {
                    key.push(HASHED);
                    push_hash(&mut key, text);
                } else {
                    key.push_str(text);
                }
            }
            Name::Generation(text) => {
                if self.fits(text) {
                    key.push(GENERATION);
                    key.push_str(text);
                } else {
                    key.push(HASHED);
                    key.push(GENERATION);
                    push_hash(&mut key, text);
                }
            }
        }
        key
    }

    fn fits(&self, text: &str) -> bool {
        self.base.len() + 1 + text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic())
    }
}

/// The hash is one that nobody finds two texts for, because texts come from outside, too.
fn push_hash(key: &mut String, text: &str) {
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string does not fail.
        let _ = write!(key, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_look_like_what_they_name() {
        let keyspace = Keyspace::new("shop", "v1");
        let key = |name| keyspace.key(&name);
        assert_eq!(key(Name::Slot(":user:7")), "shop:v1::user:7");
        assert_eq!(key(Name::Slot("eu:user:7")), "shop:v1:eu:user:7");
        assert_eq!(key(Name::Generation("tag:users")), "shop:v1:#tag:users");
        assert_eq!(
            key(Name::Slot(":user 7")),
            "shop:v1:~9672c10694c7a8bd4d7ba436fd5f2c7db3d24ec519ead0fa666a6a38421aef67"
        );
    }

    #[test]
    fn no_two_names_have_one_key_and_every_key_is_taken() {
        let keyspace = Keyspace::new(&"p".repeat(64), &"v".repeat(64));
        let long = "k".repeat(LONGEST);
        let longer = "k".repeat(100_000);
        let own = keyspace.key(&Name::Slot("é"));
        let own_hash = own.strip_prefix(keyspace.base.as_str()).expect("the base");
        let texts = [
            "", "a", ":a", "#a", "~a", "~#a", "a b", "a\r\nb", "a\0", "\u{7f}", "é", "界", &long,
            &longer, own_hash, "##a",
        ];
        let mut keys = HashSet::new();
        for text in texts {
            for name in [Name::Slot(text), Name::Generation(text)] {
                let key = keyspace.key(&name);
                assert!(key.len() <= LONGEST, "{key}");
                assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
                assert!(keys.insert(key), "{name:?}");
            }
        }
    }
}
