//! An entry as bytes. What is read is not trusted: every length is checked, and anything that is
//! not exactly what was written under this key reads as [`Corrupt`].

use crate::codec::{self, Encoded};
use crate::slot::{self, SlotHead};
use crate::store::{Nonce, OWN_SCOPE};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const CHECKSUM: usize = slot::KIND + 1;

/// The bytes of codec, times and shape.
const ABOUT: usize = 33;
const SHAPE: usize = 25;
const EXPIRES_BEFORE_PAYLOAD: usize = 24;

/// How many scopes an entry may be in, and how long their names may be: an entry from outside must
/// not make us ask the store for everything.
const MOST_SCOPES: usize = 1_024;
const LONGEST_SCOPE: usize = u16::MAX as usize;

/// Whether an entry can be in these scopes.
pub(crate) fn admits(scopes: &[String]) -> bool {
    scopes.len() <= MOST_SCOPES && scopes.iter().all(|scope| scope.len() <= LONGEST_SCOPE)
}

/// What an entry says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) codec: u8,
    pub(crate) times: Times,
    pub(crate) shape: u64,
}

/// When an entry was stored and how it ages, in milliseconds; moments since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) created_at: u64,
    /// Zero for never.
    pub(crate) expires_at: u64,
    /// How much longer it is kept, for loads that fail.
    pub(crate) stale_for: u64,
}

impl Times {
    /// Whether the entry may be served as it is.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        self.expires_at == 0 || now < self.expires_at
    }

    /// Whether the entry may be served when a load fails.
    pub(crate) fn is_kept(&self, now: u64) -> bool {
        self.expires_at == 0 || now < self.expires_at.saturating_add(self.stale_for)
    }
}

/// An entry's bytes, taken apart.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) identity: Nonce,
    pub(crate) scopes: Vec<(&'a str, Nonce)>,
    pub(crate) meta: Meta,
    pub(crate) payload: &'a [u8],
}

/// The bytes are not an entry of ours under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// Writes an entry; `payload` appends the value to the bytes. What is in a scope of its own has the
/// generation of this scope as its identity, so that whoever knows the one knows the other.
pub(crate) fn seal<E>(
    key: &str,
    scopes: &[String],
    generations: &[Nonce],
    times: Times,
    payload: impl FnOnce(Vec<u8>) -> Result<Encoded, E>,
) -> Result<Vec<u8>, E> {
    let scopes_len: usize = scopes.iter().map(|scope| scope.len() + 18).sum();
    let mut bytes = Vec::with_capacity(256 + scopes_len);
    bytes.extend_from_slice(slot::MAGIC);
    let is_own = |scope: &String| scope.strip_prefix(OWN_SCOPE) == Some(key);
    let own = scopes.iter().position(is_own);
    let own = own.and_then(|own| generations.get(own).copied());
    bytes.extend_from_slice(&own.unwrap_or_else(Nonce::random).0);
    bytes.extend_from_slice(&Nonce::ZERO.0);
    bytes.extend_from_slice(&0_u64.to_be_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&[0; 8]);
    push_u16(&mut bytes, scopes.len());
    for (scope, generation) in scopes.iter().zip(generations) {
        push_u16(&mut bytes, scope.len());
        bytes.extend_from_slice(scope.as_bytes());
        bytes.extend_from_slice(&generation.0);
    }
    let about = bytes.len();
    bytes.push(0);
    bytes.extend_from_slice(&times.created_at.to_be_bytes());
    bytes.extend_from_slice(&times.expires_at.to_be_bytes());
    bytes.extend_from_slice(&times.stale_for.to_be_bytes());
    bytes.extend_from_slice(&[0; 8]);
    let (mut bytes, codec, shape) = payload(bytes)?;
    bytes[about] = codec;
    bytes[about + SHAPE..about + ABOUT].copy_from_slice(&shape.to_be_bytes());
    let covered = if codec::is_number(codec) {
        about + ABOUT
    } else {
        bytes.len()
    };
    let checksum = checksum(key, &bytes[slot::SCOPES..covered]);
    bytes[CHECKSUM..slot::SCOPES].copy_from_slice(&checksum.to_be_bytes());
    Ok(bytes)
}

/// Takes an entry apart.
pub(crate) fn open<'a>(key: &str, bytes: &'a [u8]) -> Result<Envelope<'a>, Corrupt> {
    let envelope = parse(bytes)?;
    let sum = checksum(key, &bytes[slot::SCOPES..envelope.covered(bytes)]);
    let meta = &envelope.meta;
    if sum == sum_in(bytes)? && codec::is_sound(meta.codec, meta.shape, envelope.payload) {
        Ok(envelope)
    } else {
        Err(Corrupt)
    }
}

/// Takes an entry apart of which only the first bytes may be there: without looking at its sum, for
/// listing and counting but not for serving.
pub(crate) fn parse(bytes: &[u8]) -> Result<Envelope<'_>, Corrupt> {
    let head = SlotHead::parse(bytes).ok_or(Corrupt)?;
    let identity = head.identity.ok_or(Corrupt)?;
    let mut rest = Reader {
        bytes: bytes.get(slot::SCOPES..).ok_or(Corrupt)?,
    };
    let count = rest.u16()?;
    if count > MOST_SCOPES {
        return Err(Corrupt);
    }
    // No allocation by a number from outside: the names must be there.
    let mut scopes = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        let len = rest.u16()?;
        let name = std::str::from_utf8(rest.take(len)?).map_err(|_| Corrupt)?;
        scopes.push((name, Nonce(rest.array()?)));
    }
    let meta = Meta {
        codec: u8::from_be_bytes(rest.array()?),
        times: Times {
            created_at: rest.u64()?,
            expires_at: rest.u64()?,
            stale_for: rest.u64()?,
        },
        shape: rest.u64()?,
    };
    Ok(Envelope {
        identity,
        scopes,
        meta,
        payload: rest.bytes,
    })
}

impl Envelope<'_> {
    /// Where the bytes end that the sum covers. A number changes in place, and has a sum of its own.
    fn covered(&self, bytes: &[u8]) -> usize {
        if codec::is_number(self.meta.codec) {
            bytes.len() - self.payload.len()
        } else {
            bytes.len()
        }
    }
}

/// The changes that give an entry another time to expire at: which bytes, from which place on.
pub(crate) fn restamp(
    key: &str,
    bytes: &[u8],
    expires_at: u64,
) -> Result<[(usize, [u8; 8]); 2], Corrupt> {
    let envelope = parse(bytes)?;
    let at = bytes.len() - envelope.payload.len() - EXPIRES_BEFORE_PAYLOAD;
    let mut summed = bytes[..envelope.covered(bytes)].to_vec();
    summed[at..at + 8].copy_from_slice(&expires_at.to_be_bytes());
    let sum = checksum(key, &summed[slot::SCOPES..]);
    Ok([
        (at, expires_at.to_be_bytes()),
        (CHECKSUM, sum.to_be_bytes()),
    ])
}

/// The changes that make an entry, of which these have been made already, another one in its own scope:
/// with this identity and generation. Which bytes, from which place on.
pub(crate) fn succeed(
    key: &str,
    bytes: &[u8],
    identity: Nonce,
) -> Result<[(usize, [u8; 8]); 5], Corrupt> {
    let envelope = parse(bytes)?;
    let mut at = slot::SCOPES + 2;
    let mut own = None;
    for (scope, _) in &envelope.scopes {
        at += 2 + scope.len();
        if scope.strip_prefix(OWN_SCOPE) == Some(key) {
            own = Some(at);
        }
        at += 16;
    }
    let own = own.ok_or(Corrupt)?;
    let mut summed = bytes[..envelope.covered(bytes)].to_vec();
    summed[own..own + 16].copy_from_slice(&identity.0);
    let sum = checksum(key, &summed[slot::SCOPES..]).to_be_bytes();
    let (mut first, mut second) = ([0; 8], [0; 8]);
    first.copy_from_slice(&identity.0[..8]);
    second.copy_from_slice(&identity.0[8..]);
    Ok([
        (slot::IDENTITY, first),
        (slot::IDENTITY + 8, second),
        (own, first),
        (own + 8, second),
        (CHECKSUM, sum),
    ])
}

fn sum_in(bytes: &[u8]) -> Result<u64, Corrupt> {
    let sum = bytes.get(CHECKSUM..slot::SCOPES).ok_or(Corrupt)?;
    Ok(u64::from_be_bytes(sum.try_into().map_err(|_| Corrupt)?))
}

/// The key is part of the sum, so that an entry that was copied to another key does not read.
fn checksum(key: &str, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, xxh3_64_with_seed(key.as_bytes(), 0))
}

fn push_u16(bytes: &mut Vec<u8>, number: usize) {
    // Callers ask `admits` first.
    let number = u16::try_from(number).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&number.to_be_bytes());
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Corrupt)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.take(N)?.try_into().map_err(|_| Corrupt)
    }

    fn u16(&mut self) -> Result<usize, Corrupt> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_be_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let scopes = ["all".to_owned(), "tag:users".to_owned()];
        let generations = [Nonce([1; 16]), Nonce([2; 16])];
        let times = Times {
            created_at: 5,
            expires_at: 9,
            stale_for: 3,
        };
        seal::<()>(":user:7", &scopes, &generations, times, |mut bytes| {
            bytes.extend_from_slice(b"payload");
            Ok((bytes, 1, 42))
        })
        .expect("sealing does not fail")
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let bytes = sealed();
        let envelope = open(":user:7", &bytes).expect("it is ours");
        assert_eq!(envelope.payload, b"payload");
        assert_eq!(
            envelope.scopes,
            [("all", Nonce([1; 16])), ("tag:users", Nonce([2; 16]))]
        );
        assert_eq!(
            envelope.meta,
            Meta {
                codec: 1,
                times: Times {
                    created_at: 5,
                    expires_at: 9,
                    stale_for: 3
                },
                shape: 42
            }
        );
    }

    #[test]
    fn a_lease_on_an_entry_leaves_it_readable() {
        let mut bytes = sealed();
        bytes[slot::TOKEN..slot::KIND].fill(7);
        assert!(open(":user:7", &bytes).is_ok());
    }

    #[test]
    fn a_new_time_to_expire_at_reads() {
        let mut bytes = sealed();
        let changes = restamp(":user:7", &bytes, 77).expect("it is an entry");
        for (at, change) in changes {
            bytes[at..at + 8].copy_from_slice(&change);
        }
        let envelope = open(":user:7", &bytes).expect("it is ours");
        assert_eq!(envelope.meta.times.expires_at, 77);
        assert_eq!(envelope.meta.times.created_at, 5);
        assert_eq!(envelope.payload, b"payload");
    }

    #[test]
    fn the_identity_is_the_generation_of_the_entrys_own_scope() {
        let key = ":user:7";
        let scopes = ["all".to_owned(), format!("{OWN_SCOPE}{key}")];
        let generations = [Nonce([1; 16]), Nonce([2; 16])];
        let times = Times {
            created_at: 5,
            expires_at: 9,
            stale_for: 3,
        };
        let sealed = seal::<()>(key, &scopes, &generations, times, |mut bytes| {
            bytes.extend_from_slice(b"payload");
            Ok((bytes, 1, 42))
        });
        let mut bytes = sealed.expect("sealing does not fail");
        let identity = |bytes: &[u8]| open(key, bytes).map(|envelope| envelope.identity);
        assert_eq!(identity(&bytes), Ok(Nonce([2; 16])));

        let next = Nonce([3; 16]);
        for (at, change) in succeed(key, &bytes, next).expect("it is an entry") {
            bytes[at..at + 8].copy_from_slice(&change);
        }
        let envelope = open(key, &bytes).expect("it is ours");
        assert_eq!(envelope.identity, next);
        assert_eq!(
            envelope.scopes,
            [("all", generations[0]), (&*scopes[1], next)]
        );
        assert_eq!(envelope.payload, b"payload");
        assert_eq!(succeed(":user:8", &bytes, next), Err(Corrupt));
    }

    #[test]
    fn an_entry_is_fresh_first_then_stale_then_gone() {
        let times = open(":user:7", &sealed()).expect("it is ours").meta.times;
        let at = |now| (times.is_fresh(now), times.is_kept(now));
        assert_eq!(
            [at(8), at(9), at(11), at(12)],
            [(true, true), (false, true), (false, true), (false, false)]
        );
    }

    #[test]
    fn another_key_does_not_open_it() {
        assert_eq!(open(":user:8", &sealed()).unwrap_err(), Corrupt);
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let bytes = sealed();
        for at in 0..bytes.len() {
            assert!(open(":user:7", &bytes[..at]).is_err(), "cut at {at}");
            // Identity and lease may be anything.
            if !(slot::IDENTITY..slot::KIND).contains(&at) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                assert!(open(":user:7", &changed).is_err(), "changed at {at}");
            }
        }
    }
}
