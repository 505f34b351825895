//! Flights: loads that other callers of this process wait for.
//!
//! A key has at most one flight that can be joined. Whoever starts it *leads* and runs its own
//! load; the others wait. When the leader goes away, one of those who wait leads a new one. A
//! flight in the table is also the in-process lease on its key: deleting or setting the key takes
//! it out, and a load whose flight is no longer in the table does not store.
//!
//! Lock order: a shard of this table, then generations, then the memory store. While a lock is held
//! nothing is awaited, and nothing of the user's runs: no tag function, clone, weigher or destructor.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::generation::Held;
use crate::memory::AnyResident;
use crate::outcome::SharedFailure;
use crate::store::Lease;

/// One load and those who wait for it.
#[derive(Debug)]
pub(crate) struct Flight {
    /// The generations before the load began: a caller that comes later than the end of one of
    /// them must not join.
    held: Held,
    leader: Caller,
    phase: Mutex<Phase>,
    ended: Notify,
}

/// Who asks: a future, or a plain function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Others run while it waits.
    Task,
    /// It stands still while it waits.
    Thread,
}

/// How far a flight has come.
#[derive(Debug, Clone)]
enum Phase {
    /// The load has not begun, so whoever comes now comes before it.
    Starting,
    Loading(Load),
    Ended(Ending, Option<Load>),
}

/// A load that has begun.
#[derive(Debug, Clone)]
struct Load {
    began: Moment,
    /// What its value may be stored under. Without a lease it is not stored: its store could not be
    /// reached.
    lease: Option<Lease>,
}

/// A point in the order of events of one cache's flights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// How a flight ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Value(AnyResident),
    /// The load failed, and this is what was there before.
    Stale(AnyResident),
    /// With the failure where it can be shared. Without (a panic cannot be), everyone who waits loads
    /// for himself.
    Failed(Option<SharedFailure>),
    /// A batch was loaded, and this key was not among what came: an answer for other batches. Who asked
    /// for this key alone loads it.
    Absent,
    /// The leader was dropped: one of those who wait takes over.
    Abandoned,
}

impl Flight {
    pub(crate) fn new(held: Held, leader: Caller) -> Self {
        Self {
            held,
            leader,
            phase: Mutex::new(Phase::Starting),
            ended: Notify::new(),
        }
    }

    /// Whether no invalidation in this process overtook the load.
    pub(crate) fn is_current(&self) -> bool {
        self.held.is_current()
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Who runs the load.
    pub(crate) fn leader(&self) -> Caller {
        self.leader
    }

    /// Whether a caller may wait for this flight that looked at the store from `looked` on. It may
    /// if the load began after it came, or if what the load began with (its lease and generations)
    /// is still what it saw: then nothing was invalidated in between, in this process or another.
    pub(crate) fn admits(&self, looked: Moment, confirms: impl FnOnce(&Lease) -> bool) -> bool {
        match &*self.phase.lock() {
            Phase::Starting => true,
            Phase::Loading(load) | Phase::Ended(_, Some(load)) => {
                load.began > looked || load.lease.as_ref().is_some_and(confirms)
            }
            Phase::Ended(_, None) => false,
        }
    }

    /// Tells everyone who waits. The first ending counts.
    pub(crate) fn end(&self, ending: Ending) {
        let mut phase = self.phase.lock();
        let load = match &*phase {
            Phase::Starting => None,
            Phase::Loading(load) => Some(load.clone()),
            Phase::Ended(..) => return,
        };
        *phase = Phase::Ended(ending, load);
        drop(phase);
        self.ended.notify_waiters();
    }

    /// Waits for the end. Cancelling it leaves the flight as it is.
    pub(crate) async fn wait(&self) -> Ending {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registered before the look, so that an end between the two is not missed.
            ended.as_mut().enable();
            if let Phase::Ended(ending, _) = &*self.phase.lock() {
                return ending.clone();
            }
            ended.await;
        }
    }
}

/// The flights of one cache.
#[derive(Debug)]
pub(crate) struct Flights {
    hasher: RandomState,
    shards: Box<[Mutex<FlightsShard>]>,
    moments: AtomicU64,
}

type FlightsShard = HashMap<Box<str>, Arc<Flight>, RandomState>;

const SHARDS: usize = 64;

impl Flights {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            moments: AtomicU64::new(0),
        }
    }

    /// Now, before whatever asks for it later.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.moments.fetch_add(1, Ordering::AcqRel))
    }

    /// The part of the table that `key` is in, locked. What is done to the key's entry in process
    /// memory meanwhile happens in one step with what is done to its flight.
    pub(crate) fn lock(&self, key: &str) -> Locked<'_> {
        let shard = self.shards[self.hasher.hash_one(key) as usize % SHARDS].lock();
        Locked {
            shard,
            removed: Vec::new(),
        }
    }

    /// Takes the key's flight out: no one joins it any more, and its load is not stored.
    pub(crate) fn revoke(&self, key: &str) {
        self.lock(key).revoke(key);
    }
}

impl Flights {
    /// The same for every key that is meant.
    pub(crate) fn revoke_all(&self, is_meant: impl Fn(&str) -> bool) {
        for shard in &self.shards {
            // Dropped after the lock, as in `Locked`.
            let mut removed = Vec::new();
            let mut shard = shard.lock();
            removed.extend(shard.extract_if(|key, _| is_meant(key)));
            drop(shard);
        }
    }
}

pub(crate) struct Locked<'f> {
    shard: MutexGuard<'f, FlightsShard>,
    /// Flights that left the table. One may hold the last reference to a value, whose destructor is
    /// the user's: they go after the lock, because fields are dropped in this order.
    removed: Vec<Arc<Flight>>,
}

impl Locked<'_> {
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Flight>> {
        self.shard.get(key)
    }

    pub(crate) fn revoke(&mut self, key: &str) {
        self.removed.extend(self.shard.remove(key));
    }

    pub(crate) fn contains(&self, key: &str, flight: &Arc<Flight>) -> bool {
        self.shard
            .get(key)
            .is_some_and(|found| Arc::ptr_eq(found, flight))
    }
}

/// The leader's hold on its flight. However it goes away, the flight ends and leaves the table.
#[derive(Debug)]
pub(crate) struct Leading<'f> {
    flights: &'f Flights,
    key: &'f str,
    flight: Arc<Flight>,
    has_landed: bool,
}

impl<'f> Leading<'f> {
    /// Puts a new flight into the table. One that is there can no longer be joined or stored.
    pub(crate) fn start(
        flights: &'f Flights,
        locked: &mut Locked<'_>,
        key: &'f str,
        held: Held,
        leader: Caller,
    ) -> Self {
        let flight = Arc::new(Flight::new(held, leader));
        let replaced = locked.shard.insert(key.into(), Arc::clone(&flight));
        locked.removed.extend(replaced);
        Self {
            flights,
            key,
            flight,
            has_landed: false,
        }
    }

    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// The load begins, under this lease.
    pub(crate) fn begin_load(&self, lease: Option<Lease>) {
        let began = self.flights.moment();
        *self.flight.phase.lock() = Phase::Loading(Load { began, lease });
    }

    /// Whether nothing overtook the load so far.
    pub(crate) fn may_store(&self) -> bool {
        self.flight.is_current() && self.flights.lock(self.key).contains(self.key, &self.flight)
    }

    /// Ends the flight. `store` is called, with the table locked, if no invalidation overtook it;
    /// whether it was. It must run nothing of the user's.
    pub(crate) fn land(mut self, ending: Ending, store: impl FnOnce()) -> bool {
        let mut locked = self.flights.lock(self.key);
        let in_table = locked.contains(self.key, &self.flight);
        let stored = in_table && self.flight.is_current();
        if stored {
            store();
        }
        if in_table {
            locked.revoke(self.key);
        }
        drop(locked);
        self.has_landed = true;
        self.flight.end(ending);
        stored
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if self.has_landed {
            return;
        }
        let mut locked = self.flights.lock(self.key);
        if locked.contains(self.key, &self.flight) {
            locked.revoke(self.key);
        }
        drop(locked);
        self.flight.end(Ending::Abandoned);
    }
}
