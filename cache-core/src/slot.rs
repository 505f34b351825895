//! The layout of a slot in a store of bytes.
//!
//! ```text
//!  0  magic and format version      4 bytes, "LRD2"
//!  4  identity of the entry        16 bytes, zero for a bare lease
//! 20  token of the lease           16 bytes, zero for none
//! 36  the lease ends at             8 bytes, milliseconds since 1970 by the store's clock
//! 44  kind                          1 byte, 0 a bare lease, 1 an entry
//! 45  checksum of what follows      8 bytes, seeded with the key
//! 53  number of scopes              2 bytes
//! 55  scopes                        each 2 bytes length, name, 16 bytes generation
//!     codec                         1 byte
//!     created at, expires at        8 bytes each, milliseconds since 1970; 0 for never
//!     stale for                     8 bytes, milliseconds that it is kept behind its end
//!     shape of the type             8 bytes
//!     payload
//! ```
//!
//! Integers are big-endian. The head, up to the kind, has fixed places, so that a store can put a
//! lease on an entry, and take it off, without touching the rest; the scopes come next, so that it
//! can find them.

use crate::store::Nonce;

/// The first bytes of every slot that is ours.
pub const MAGIC: &[u8; 4] = b"LRD2";
/// Where the entry's identity is.
pub const IDENTITY: usize = 4;
/// Where the lease's token is.
pub const TOKEN: usize = 20;
/// Where the lease's end is.
pub const LEASE_END: usize = 36;
/// Where the kind is.
pub const KIND: usize = 44;
/// Where the number of scopes is.
pub const SCOPES: usize = 53;

/// How many bytes of a slot are read when only the payload is not wanted. An entry in very many
/// scopes has more.
pub const HEAD: usize = 2_048;

/// The fixed head of a slot: what a store needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotHead {
    /// The entry's identity; `None` for a bare lease.
    pub identity: Option<Nonce>,
    /// The lease on the slot, if there is one. It may have ended.
    pub token: Option<Nonce>,
}

impl SlotHead {
    /// Reads the head of a slot; `None` for bytes that are not ours.
    #[must_use]
    pub fn parse(slot: &[u8]) -> Option<Self> {
        if slot.get(..IDENTITY)? != MAGIC {
            return None;
        }
        let kind = *slot.get(KIND)?;
        let token = nonce_at(slot, TOKEN)?;
        Some(Self {
            identity: if kind == 1 {
                nonce_at(slot, IDENTITY)
            } else {
                None
            },
            token: (token != Nonce::ZERO).then_some(token),
        })
    }

    /// A slot with nothing but a lease in it.
    #[must_use]
    pub fn bare_lease(token: Nonce, ends_at_millis: u64) -> Vec<u8> {
        let mut slot = Vec::with_capacity(KIND + 1);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&Nonce::ZERO.0);
        slot.extend_from_slice(&token.0);
        slot.extend_from_slice(&ends_at_millis.to_be_bytes());
        slot.push(0);
        slot
    }
}

/// Whether the slot holds nothing but a lease.
pub(crate) fn is_bare_lease(slot: &[u8]) -> bool {
    SlotHead::parse(slot).is_some_and(|head| head.identity.is_none()) && slot.get(KIND) == Some(&0)
}

fn nonce_at(slot: &[u8], at: usize) -> Option<Nonce> {
    Some(Nonce(slot.get(at..at + 16)?.try_into().ok()?))
}
