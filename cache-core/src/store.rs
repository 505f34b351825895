//! The port: what a store of bytes must be able to do.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;

/// A value of 128 random bits that is never used twice: a generation, a lease's token, an entry's
/// identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// Stands for "none" where a field has a fixed size.
    pub const ZERO: Self = Self([0; 16]);

    /// A new one, from the operating system's random source: two processes must never get the same.
    ///
    /// # Panics
    /// When the operating system has no random numbers, on which nothing can be promised.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        Self(bytes)
    }
}

impl Nonce {
    /// A token for a lease. Its last bit says whether others may fill under it too: 0 for
    /// [`Claim::Shared`], 1 for the others.
    #[must_use]
    pub fn token(claim: Claim) -> Self {
        let mut token = Self::random();
        let is_own = u8::from(claim != Claim::Shared);
        token.0[15] = token.0[15] & !1 | is_own;
        token
    }

    /// Whether this token is its holder's own: no one else fills under it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.0[15] & 1 == 1
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A lease on a key, and the generations that its scopes had when it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What stands in the key's slot while the lease is held.
    pub token: Nonce,
    /// The generation of each scope, in the order that the scopes were given; `None` for one that
    /// was invalidated in this very moment, under which nothing can be stored.
    pub generations: Vec<Option<Nonce>>,
}

/// How a lease is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Beside others that share: whoever holds the token may fill, the first one does. Under a token
    /// that is its holder's own there is nothing to share.
    Shared,
    /// For oneself: while another is held, there is none, and while it is held no one gets one.
    Exclusive,
    /// In place of any other: a value that is newer than what their loads will bring.
    Replacing,
}

/// What is asked of [`Store::lease`].
#[derive(Debug, Clone, Copy)]
pub struct LeaseRequest<'a> {
    /// The token to put into the slot.
    pub token: Nonce,
    /// How it is asked for.
    pub claim: Claim,
    /// The identity of the entry that was seen in the slot and found unusable; `None` if there was
    /// none.
    pub seen: Option<Nonce>,
    /// After how long the lease ends by itself.
    pub lasts: Duration,
    /// The scopes whose generations are wanted; a missing one is begun.
    pub scopes: &'a [String],
    /// How long the entry will live: generations must outlive it. `None`: forever.
    pub ttl: Option<Duration>,
}

/// What [`Store::lease`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// The load may begin, and fill under this lease.
    Granted(Lease),
    /// Someone else holds a lease that is their own; for [`Claim::Exclusive`], any lease.
    Held,
    /// Meanwhile there is another entry than the one that was seen.
    Changed,
}

/// What [`Store::read`] found.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The slot's bytes.
    pub slot: Option<Vec<u8>>,
    /// The current generations, in the order of the scopes that were asked for.
    pub generations: Vec<Option<Nonce>>,
}

/// Whose generations a read wants.
#[derive(Debug, Clone, Copy)]
pub enum Scopes<'a> {
    /// These.
    Named(&'a [String]),
    /// Those that the entry itself lists, in its order (see [`SlotHead`](crate::slot::SlotHead)),
    /// because the caller does not know them. A store that cannot look into an entry answers with
    /// no generations, and is asked again.
    Stored,
}

/// What a fill did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// The entry is stored.
    Stored,
    /// The lease was gone: a delete, a set or its time limit overtook the load.
    Overtaken,
}

/// What a store can do beyond the contract.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// It can go through its keys.
    pub scan: bool,
}

/// A store of bytes: a server that several processes share, or one of your own.
///
/// # Contract
/// A *slot* is what a key names: nothing, a lease, an entry, or an entry with a lease on it (the
/// layout is [`SlotHead`](crate::slot::SlotHead)'s). A *scope* is a name (`tag:users`, `ns:shop`,
/// `all`) that has a generation, or none.
///
/// - **Atomicity.** `lease`, `fill`, `renew`, `release` and `delete` each see and change one slot in
///   one step. `read` may see the slot and each generation at different moments, as long as each is
///   seen after the call began. Nothing ever spans two keys.
/// - **Order.** A call that starts after another returned sees its effects.
/// - **Loss.** A store may forget anything at any time. A missing generation counts as invalid, so
///   forgetting costs loads, never correctness.
/// - **Time.** A ttl counts from the fill, in milliseconds. An entry that outlives its ttl is
///   refused by its reader.
/// - **Cancelling.** Dropping a call's future leaves the slot as it was or as it would have become.
/// - **Errors.** An error says nothing about whether the effect took place. A store does not retry
///   by itself, and need not limit its own time: the caller does.
///
/// Keys are the [`qualified`](crate::Key::qualified) ones, and scopes are as given; a store puts its
/// own prefix before both, and keeps the two apart.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// A name for people: the kind and address, never a password.
    fn name(&self) -> &str;

    /// What the store can do beyond the contract.
    fn capabilities(&self) -> Capabilities;

    /// The slot of `key` and the generations of `scopes`, in one round trip.
    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError>;

    /// Generations of scopes that a read did not ask for.
    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError>;

    /// Takes a lease on `key` and learns the generations of its scopes.
    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError>;

    /// Lets a lease last longer, if `token` is still in the slot.
    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError>;

    /// Gives a lease back, if `token` is still in the slot.
    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError>;

    /// Stores `entry` if `token` is still in the slot, and sees to it that the generations of
    /// `scopes` outlive it.
    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError>;

    /// Ends the generations of `scopes` and empties the slots of `keys`, leases included. In any
    /// order, and safe to repeat.
    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError>;

    /// Answers if the store can be used.
    async fn ping(&self) -> Result<(), StoreError>;
}
