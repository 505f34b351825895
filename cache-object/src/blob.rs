//! The layout of a blob, as an object or a file.
//!
//! ```text
//!  0  magic and format version      4 bytes, "LRB1"
//!  4  version                      16 bytes, random, another one at each put
//! 20  ends at                       8 bytes, milliseconds since 1970; 0 for never
//! 28  checksum of all the rest      8 bytes
//! 36  kind                          1 byte, 0 a slot, 1 a generation
//! 37  length of the name            4 bytes
//! 41  name                          a qualified key, or a scope
//!     content
//! ```
//!
//! Integers are big-endian. The name is in the blob because what the object or file is called cannot
//! always be turned back into it, and so that nothing is read under another name. The version makes
//! two puts of the same content two different blobs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use larder_core::blobs::Name;
use larder_core::store::Nonce;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const MAGIC: &[u8; 4] = b"LRB1";
const VERSION: usize = 4;
const ENDS_AT: usize = 20;
const CHECKSUM: usize = 28;
const KIND: usize = 36;
const NAME_LENGTH: usize = 37;

/// How many bytes come before the name.
pub(crate) const FIXED: usize = 41;

/// The longest name. Who says that one is longer is not believed.
pub(crate) const LONGEST_NAME: usize = 1 << 20;

/// What a blob says of itself, before its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) version: Nonce,
    ends_at: u64,
    is_generation: bool,
    pub(crate) name: String,
}

/// What the first bytes of a blob tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Peeked {
    /// All of its head is there.
    Head(Head),
    /// The head has this many bytes.
    Needs(usize),
    /// It is none of ours.
    Foreign,
}

/// A blob that is what was put under its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) content: Vec<u8>,
    ends_at: u64,
}

/// Writes a blob that ends at this time.
pub(crate) fn seal(name: Name<'_>, content: &[u8], ends_at: u64) -> Vec<u8> {
    let text = text(name);
    let mut bytes = Vec::with_capacity(FIXED + text.len() + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&Nonce::random().0);
    bytes.extend_from_slice(&ends_at.to_be_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.push(u8::from(is_generation(name)));
    // Callers ask whether the name is too long first.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(content);
    let sum = checksum(&bytes).to_be_bytes();
    bytes[CHECKSUM..KIND].copy_from_slice(&sum);
    bytes
}

/// The version of a blob, of which the first bytes are enough; `None` for what is none of ours.
pub(crate) fn version(bytes: &[u8]) -> Option<Nonce> {
    if bytes.get(..VERSION)? != MAGIC {
        return None;
    }
    Some(Nonce(bytes.get(VERSION..ENDS_AT)?.try_into().ok()?))
}

/// Reads the head of a blob.
pub(crate) fn peek(bytes: &[u8]) -> Peeked {
    let fixed = || {
        Some((
            version(bytes)?,
            u64_at(bytes, ENDS_AT)?,
            *bytes.get(KIND)?,
            u32::from_be_bytes(bytes.get(NAME_LENGTH..FIXED)?.try_into().ok()?),
        ))
    };
    let Some((version, ends_at, kind @ 0..=1, length)) = fixed() else {
        return Peeked::Foreign;
    };
    let length = match usize::try_from(length) {
        Ok(length) if length <= LONGEST_NAME => length,
        _ => return Peeked::Foreign,
    };
    let Some(name) = bytes.get(FIXED..FIXED + length) else {
        return Peeked::Needs(FIXED + length);
    };
    match std::str::from_utf8(name) {
        Ok(name) => Peeked::Head(Head {
            version,
            ends_at,
            is_generation: kind == 1,
            name: name.to_owned(),
        }),
        Err(_) => Peeked::Foreign,
    }
}

/// Reads a blob; `None` unless every byte is what was put under this name.
pub(crate) fn open(name: Name<'_>, mut bytes: Vec<u8>) -> Option<Opened> {
    let Peeked::Head(head) = peek(&bytes) else {
        return None;
    };
    let is_named_so = head.name == text(name) && head.is_generation == is_generation(name);
    if !is_named_so || u64_at(&bytes, CHECKSUM)? != checksum(&bytes) {
        return None;
    }
    bytes.drain(..FIXED + head.name.len());
    Some(Opened {
        content: bytes,
        ends_at: head.ends_at,
    })
}

impl Head {
    /// Whether its time is over.
    pub(crate) fn has_ended(&self, now: SystemTime) -> bool {
        self.ends_at != 0 && self.ends_at <= millis(now)
    }
}

impl Opened {
    /// How long it will still be kept; `None`: forever.
    pub(crate) fn left(&self, now: SystemTime) -> Option<Duration> {
        (self.ends_at != 0).then(|| Duration::from_millis(self.ends_at.saturating_sub(millis(now))))
    }
}

/// When a blob ends that is put now.
pub(crate) fn end_of(ttl: Option<Duration>, now: SystemTime) -> u64 {
    match ttl.map(|ttl| u64::try_from(ttl.as_millis())) {
        None | Some(Err(_)) => 0,
        Some(Ok(ttl)) => millis(now).saturating_add(ttl).max(1),
    }
}

/// The key or scope.
pub(crate) fn text(name: Name<'_>) -> &str {
    match name {
        Name::Slot(key) => key,
        Name::Generation(scope) => scope,
    }
}

fn is_generation(name: Name<'_>) -> bool {
    matches!(name, Name::Generation(_))
}

fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// The sum covers all but itself.
fn checksum(bytes: &[u8]) -> u64 {
    let (before, behind) = (&bytes[..CHECKSUM], &bytes[KIND..]);
    xxh3_64_with_seed(behind, xxh3_64_with_seed(before, 0))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Name<'static> = Name::Slot(":user:7");

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let ends_at = end_of(Some(Duration::from_secs(5)), at(100));
        let bytes = seal(SLOT, b"content", ends_at);
        let Peeked::Head(head) = peek(&bytes[..FIXED + 7]) else {
            panic!("the head is there");
        };
        assert_eq!(head.name, ":user:7");
        assert_eq!(Some(head.version), version(&bytes[..FIXED]));
        assert!(!head.has_ended(at(104)) && head.has_ended(at(105)));
        let opened = open(SLOT, bytes).expect("it is ours");
        assert_eq!(opened.content, b"content");
        assert_eq!(opened.left(at(102)), Some(Duration::from_secs(3)));
        assert_eq!(opened.left(at(200)), Some(Duration::ZERO));
    }

    #[test]
    fn what_has_no_ttl_never_ends() {
        for ttl in [None, Some(Duration::MAX)] {
            let bytes = seal(SLOT, b"", end_of(ttl, at(100)));
            let Peeked::Head(head) = peek(&bytes) else {
                panic!("the head is there");
            };
            assert!(!head.has_ended(at(u64::from(u32::MAX))));
            assert_eq!(open(SLOT, bytes).expect("it is ours").left(at(1)), None);
        }
    }

    #[test]
    fn the_same_content_put_twice_is_two_versions() {
        assert_ne!(seal(SLOT, b"content", 0), seal(SLOT, b"content", 0));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let bytes = seal(SLOT, b"content", 7);
        for at in 0..bytes.len() {
            assert_eq!(open(SLOT, bytes[..at].to_vec()), None, "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(open(SLOT, changed), None, "changed at {at}");
        }
    }

    #[test]
    fn nothing_is_read_under_another_name() {
        let bytes = seal(Name::Slot("tag:a"), b"content", 0);
        assert_eq!(open(Name::Slot("tag:b"), bytes.clone()), None);
        assert_eq!(open(Name::Generation("tag:a"), bytes), None);
    }

    #[test]
    fn a_length_from_outside_is_not_believed() {
        let mut bytes = seal(SLOT, b"content", 0);
        bytes[NAME_LENGTH..FIXED].fill(0xff);
        assert_eq!(peek(&bytes), Peeked::Foreign);
        bytes[NAME_LENGTH..FIXED].copy_from_slice(&1_000_u32.to_be_bytes());
        assert_eq!(peek(&bytes), Peeked::Needs(FIXED + 1_000));
    }
}
