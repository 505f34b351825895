//! The port: what a store of bytes must be able to do.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use crate::codec::NumberKind;
use crate::error::StoreError;
use crate::event::EventLog;
use crate::key::Pattern;
use crate::stats::TierStats;

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
    /// [`Claim::Shared`], 1 for the others. The bit before it is 0, see
    /// [`yielding_token`](Self::yielding_token).
    #[must_use]
    pub fn token(claim: Claim) -> Self {
        let mut token = Self::random();
        let is_own = u8::from(claim != Claim::Shared);
        token.0[15] = token.0[15] & !3 | is_own;
        token
    }

    /// A token for a lease that is asked for by [`Claim::Shared`] and keeps nobody from a lock: its
    /// last two bits are 10.
    #[must_use]
    pub fn yielding_token() -> Self {
        let mut token = Self::token(Claim::Shared);
        token.0[15] |= 2;
        token
    }

    /// Whether a lease under this token gives way to [`Claim::Exclusive`].
    #[must_use]
    pub fn yields(&self) -> bool {
        self.0[15] & 3 == 2
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
    /// The identity of the entry that the lease lies on, if there is one.
    pub over: Option<Nonce>,
}

/// How a lease is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Beside others that share: whoever holds the token may fill, the first one does. Under a token
    /// that is its holder's own there is nothing to share.
    Shared,
    /// For oneself: while another is held, there is none, and while it is held no one gets one. A
    /// lease whose token [yields](Nonce::yields) is replaced.
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
    /// What must be in the slot.
    pub expected: Expected,
    /// After how long the lease ends by itself.
    pub lasts: Duration,
    /// The scopes whose generations are wanted; a missing one is begun.
    pub scopes: &'a [String],
    /// How long the entry will live: generations must outlive it. `None`: forever.
    pub ttl: Option<Duration>,
}

/// A step from one generation of a scope to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// The scope.
    pub scope: String,
    /// The generation that it must have; `None`: it must be missing.
    pub from: Option<Nonce>,
    /// The generation that it then gets, which was never used.
    pub to: Nonce,
}

/// What must be in a slot for something to be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Anything,
    /// No entry; a lease may be there.
    NoEntry,
    /// The entry with this identity: an empty slot is something else.
    Entry(Nonce),
}

impl From<Option<Nonce>> for Expected {
    /// What a look saw.
    fn from(seen: Option<Nonce>) -> Self {
        seen.map_or(Self::NoEntry, Self::Entry)
    }
}

/// What [`Store::lease`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// The load may begin, and fill under this lease.
    Granted(Lease),
    /// Someone else holds a lease that is their own; for [`Claim::Exclusive`], any that does not
    /// yield.
    Held,
    /// Something else is in the slot than what was expected.
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

/// How much of a slot is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its first [`slot::HEAD`](crate::slot::HEAD) bytes: usually all but the payload.
    Head,
    /// All of it.
    Whole,
}

/// Which keys a scan goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Those that have something in their slot.
    Slots,
    /// Those that have a scope of their own ([`own_scope`]) with a generation. Where several stores
    /// keep copies of an entry, it is the one trace that every usable copy has left in the store of
    /// generations.
    OwnScopes,
}

/// The scope that an entry has to itself, where copies of it may lie in several stores: `key:` and the
/// qualified key. Its generation ends when the key is invalidated or filled again.
#[must_use]
pub fn own_scope(key: &str) -> String {
    format!("{OWN_SCOPE}{key}")
}

/// What every [`own_scope`] begins with.
pub const OWN_SCOPE: &str = "key:";

/// Some of a store's keys, from [`Store::scan`].
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Qualified keys. A key may turn up more than once, and keys that were not asked for may be
    /// among them.
    pub keys: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

/// A change of an entry's fixed fields, in place.
#[derive(Debug, Clone, Copy)]
pub struct Patch<'a> {
    /// The entry that is meant; another is left alone.
    pub identity: Nonce,
    /// Which bytes, from which place on.
    pub bytes: &'a [(usize, [u8; 8])],
    /// The scopes of the entry, whose generations must outlive it.
    pub scopes: &'a [String],
    /// How long the entry lives from now on; `None`: forever.
    pub ttl: Option<Duration>,
}

/// A number to be changed in place.
#[derive(Debug, Clone, Copy)]
pub struct Increment {
    /// The entry that is meant; another is left alone.
    pub identity: Nonce,
    /// Where the number is in the slot. It is followed by as many bytes with its complement.
    pub at: usize,
    /// How the number is written.
    pub kind: NumberKind,
    /// What is added.
    pub by: i64,
}

/// What [`Store::increment`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incremented {
    /// The number is this now.
    To(i64),
    /// The sum does not fit. Nothing was changed.
    Overflow,
    /// The entry is no longer there.
    Changed,
}

/// How an entry was used, where the server can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// About how often it was read.
    pub hits: Option<u64>,
    /// How long ago it was last read.
    pub idle: Option<Duration>,
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
    /// It can go through its keys: [`Store::scan`].
    pub scan: bool,
    /// It can count in place: [`Store::increment`].
    pub increment: bool,
    /// It has no leases and no generations, and so only [copies](Store::copy) of entries that
    /// another store keeps these for: `lease`, `fill`, `advance` and the like are `Unsupported`, and
    /// generations are missing. Someone else's web server, for example.
    pub copies_only: bool,
    /// How it makes the steps of the contract.
    pub steps: Steps,
}

/// How a store makes the steps of the contract: of several stores that reach equally far, the best one
/// keeps the generations and leases for all. In the order of preference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Steps {
    /// Each in one command that the server carries out: Redis.
    #[default]
    Native,
    /// By reading, and writing back what nobody else has changed: memcached.
    Swapped,
    /// The same with files or objects, which are slower than memory.
    SwappedSlowly,
}

/// Hears what changes in a store: process memory above it, which must not serve what the store no
/// longer has. See [`Store::watch`].
///
/// The calls come from wherever the store hears of the change, and must not be held up: they neither
/// wait nor panic.
pub trait Watcher: fmt::Debug + Send + Sync + 'static {
    /// The slot of this qualified key is another one.
    fn slot_changed(&self, key: &str);

    /// The generation of this scope has ended, or begun.
    fn generation_changed(&self, scope: &str);

    /// Anything may have changed: all of the store was emptied, for example.
    fn everything_changed(&self);

    /// From now on changes may go unheard.
    fn lost(&self);

    /// From now on every change is heard again. Whatever a call read that was begun before may have
    /// changed unheard.
    fn regained(&self);
}

/// A store of bytes: a server that several processes share, or one of your own.
///
/// # Contract
/// A *slot* is what a key names: nothing, a lease, an entry, or an entry with a lease on it (the
/// layout is [`SlotHead`](crate::slot::SlotHead)'s). A *scope* is a name (`tag:users`, `ns:shop`,
/// `all`) that has a generation, or none.
///
/// - **Atomicity.** `lease`, `fill`, `renew`, `release`, `take`, `patch`, `increment` and each entry
///   of `remove` see and change one slot in one step; so does each step of `advance` one generation.
///   `read` may see the slot and each generation at different moments, as long as each is
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

    /// Stores a copy of an entry whose lease and generations another store keeps, whatever is in the
    /// slot. What was invalidated meanwhile is refused by its reader, because of its generations; so
    /// copies may arrive late, and in any order.
    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError>;

    /// Ends the generations of `scopes` and empties the slots of `keys`, leases included. In any
    /// order, and safe to repeat.
    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError>;

    /// Takes each of `steps` whose scope has the generation that the step begins from: that one ends,
    /// and the new one is there for as long as entries with this `ttl` need it. Gives the generation
    /// that each scope has then; so a step that was taken is known by the answer, also when it is
    /// asked for again.
    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError>;

    /// The slots of `keys`, in their order.
    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Empties the slot of `key`, leases included, and gives what was in it, with the generations
    /// that the entry lists as in [`Scopes::Stored`]. Of several callers one gets an entry.
    async fn take(&self, key: &str) -> Result<Reading, StoreError>;

    /// Removes those of the entries that are still there, each a key and an identity. A lease on one
    /// that is removed stays. How many were.
    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError>;

    /// Changes fields of an entry in place, if it is still there. Leases stay.
    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError>;

    /// Some keys of a family that match `pattern`, beginning where `cursor` says. Whoever goes on until there is
    /// no next cursor gets every key at least once that was there all the time.
    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let _ = (family, pattern, cursor, about);
        Err(self.unsupported("going through its keys"))
    }

    /// Adds to a number in place, if it is still there. The number's complement follows it.
    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        let _ = (key, increment);
        Err(self.unsupported("counting"))
    }

    /// How these entries were used. Must not count as a use itself.
    async fn usage(&self, keys: &[String]) -> Result<Vec<Usage>, StoreError> {
        Ok(vec![Usage::default(); keys.len()])
    }

    /// How many bytes of memory each of these entries takes, where the server can tell.
    async fn sizes(&self, keys: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        Ok(vec![None; keys.len()])
    }

    /// The client's own connection, for what this trait does not have.
    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        None
    }

    /// The error for what the store cannot do.
    fn unsupported(&self, operation: &'static str) -> StoreError {
        StoreError::Unsupported {
            store: self.name().to_owned(),
            operation,
        }
    }

    /// Tells `watcher` of every change of a slot or a generation that this handle did not make itself,
    /// from [`Watcher::regained`] until [`Watcher::lost`]; whether the store can. Said once; begins with
    /// things lost. Changes of its own may be told, too.
    ///
    /// While it is not lost, whatever this handle reads is heard of when it changes: a change that an
    /// answer does not show is told after the call that reads was begun. An answer that this is not true
    /// of is given only after `lost`.
    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        let _ = watcher;
        false
    }

    /// Waits until the watcher has been told of all that had changed before this was called, of this
    /// handle's own changes what it is told of those.
    async fn hear(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How each tier does, where the store is made of several, from the fastest to the slowest.
    fn tiers(&self) -> Vec<TierStats> {
        Vec::new()
    }

    /// The log of events that the processes on this store share, where it has one. Always the same.
    fn events(&self) -> Option<Arc<dyn EventLog>> {
        None
    }

    /// Waits until the store has done what it does behind its callers' backs, or has given it up. Most
    /// stores do nothing of the kind.
    async fn settle(&self) {}

    /// Answers if the store can be used.
    async fn ping(&self) -> Result<(), StoreError>;
}
