//! Entries as the cache seals them, byte by byte.

use larder_core::slot;
use larder_core::store::{Nonce, Reading, own_scope};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const POSTCARD: u8 = 1;
const NUMBER: u8 = 4;

/// What an entry is sealed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) key: &'a str,
    /// Each with its generation.
    pub(crate) scopes: &'a [(String, Nonce)],
    pub(crate) expires_at: u64,
    pub(crate) stale_for: u64,
}

impl Sealed<'_> {
    pub(crate) fn value(self, value: &str) -> Vec<u8> {
        self.seal(POSTCARD, value.as_bytes())
    }

    /// An `i64`, as it is counted with in place.
    pub(crate) fn number(self, number: i64) -> Vec<u8> {
        let mut payload = number.to_be_bytes().to_vec();
        payload.extend((!number).to_be_bytes());
        payload.push(4);
        self.seal(NUMBER, &payload)
    }

    fn seal(self, codec: u8, payload: &[u8]) -> Vec<u8> {
        let own = own_scope(self.key);
        let own = self.scopes.iter().find(|(scope, _)| *scope == own);
        let identity = own.map_or_else(Nonce::random, |(_, generation)| *generation);
        let mut bytes = slot::MAGIC.to_vec();
        bytes.extend(identity.0);
        bytes.extend([0; 24]);
        bytes.push(1);
        bytes.extend([0; 8]);
        bytes.extend(len(self.scopes.len()));
        for (scope, generation) in self.scopes {
            bytes.extend(len(scope.len()));
            bytes.extend(scope.as_bytes());
            bytes.extend(generation.0);
        }
        bytes.push(codec);
        for time in [0, self.expires_at, self.stale_for] {
            bytes.extend(time.to_be_bytes());
        }
        // A number's shape is its kind.
        let shape = if codec == NUMBER { 4_u64 } else { 42 };
        bytes.extend(shape.to_be_bytes());
        let mut covered = bytes.len();
        bytes.extend(payload);
        if codec != NUMBER {
            covered = bytes.len();
        }
        let sum = sum(self.key, &bytes[slot::SCOPES..covered]);
        bytes[slot::KIND + 1..slot::SCOPES].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

/// Whether a reading has a valid entry, as the cache would see it: what its payload says.
pub(crate) fn valid(scopes: &[String], reading: &Reading) -> Option<String> {
    let slot = reading.slot.as_deref()?;
    let listed = listed(slot)?;
    let is_current = listed.iter().all(|(scope, generation)| {
        let asked = scopes.iter().position(|asked| asked == scope);
        asked.is_some_and(|asked| reading.generations[asked] == Some(*generation))
    });
    let all = scopes
        .iter()
        .all(|asked| listed.iter().any(|(scope, _)| scope == asked));
    let text = std::str::from_utf8(&slot[payload_at(slot)?..]).ok()?;
    (is_current && all).then(|| text.to_owned())
}

/// The scopes of an entry, and their generations.
pub(crate) fn listed(slot: &[u8]) -> Option<Vec<(String, Nonce)>> {
    if slot.get(slot::KIND) != Some(&1) {
        return None;
    }
    let count = u16::from_be_bytes(slot[slot::SCOPES..slot::SCOPES + 2].try_into().ok()?);
    let mut at = slot::SCOPES + 2;
    let mut scopes = Vec::new();
    for _ in 0..count {
        let len = usize::from(u16::from_be_bytes(slot[at..at + 2].try_into().ok()?));
        let name = std::str::from_utf8(&slot[at + 2..at + 2 + len]).ok()?;
        at += 2 + len;
        scopes.push((name.to_owned(), Nonce(slot[at..at + 16].try_into().ok()?)));
        at += 16;
    }
    Some(scopes)
}

/// The changes that let an entry expire at another time.
pub(crate) fn restamped(key: &str, slot: &[u8], expires_at: u64) -> [(usize, [u8; 8]); 2] {
    let at = payload_at(slot).expect("it is an entry") - 24;
    let mut changed = slot.to_vec();
    changed[at..at + 8].copy_from_slice(&expires_at.to_be_bytes());
    let sum = sum(key, &changed[slot::SCOPES..]);
    [
        (at, expires_at.to_be_bytes()),
        (slot::KIND + 1, sum.to_be_bytes()),
    ]
}

/// Behind codec, times and shape.
fn payload_at(slot: &[u8]) -> Option<usize> {
    let scopes = listed(slot)?;
    let len: usize = scopes.iter().map(|(scope, _)| scope.len() + 18).sum();
    Some(slot::SCOPES + 2 + len + 33)
}

fn sum(key: &str, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, xxh3_64_with_seed(key.as_bytes(), 0))
}

fn len(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("few and short").to_be_bytes()
}
