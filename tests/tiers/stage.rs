//! What the tests play on: servers as tiers, stacks as processes, and a clock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::store::{
    Advance, Claim, Expected, Filled, LeaseRequest, Leased, Nonce, Part, Reading, Scopes, Store,
    own_scope,
};
use larder::{Clock, LayerName, Reach, StoreError, TierStats};
use larder_core::{Stack, Tier};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

use crate::sealed::{Sealed, valid};

pub(crate) const KEY: &str = ":key";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// Enough on a loaded machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(10);

/// One server for each layer from `l2` on, and stacks on them.
pub(crate) struct Stage {
    pub(crate) servers: Vec<RedisServer>,
    clock: Clock,
    /// What it shows, in milliseconds.
    wound: AtomicU64,
    reaches: Vec<Reach>,
    pub(crate) ttls: Vec<Option<Duration>>,
    pub(crate) budgets: Vec<Duration>,
}

impl Stage {
    /// A server on the machine above a shared one, which is the authority.
    pub(crate) async fn local_and_shared() -> Self {
        Self::with(&[Reach::Host, Reach::Shared]).await
    }

    /// A shared server, which is the authority, above one that is slower.
    pub(crate) async fn shared_and_slow() -> Self {
        Self::with(&[Reach::Shared, Reach::Host]).await
    }

    pub(crate) async fn with(reaches: &[Reach]) -> Self {
        let mut servers = Vec::new();
        for _ in reaches {
            servers.push(RedisServer::builder().append_only().start().await);
        }
        Self {
            servers,
            clock: Clock::hand_wound(),
            wound: AtomicU64::new(HAND_WOUND),
            reaches: reaches.to_vec(),
            ttls: vec![None; reaches.len()],
            budgets: vec![PATIENT; reaches.len()],
        }
    }

    /// What a process on these servers has.
    pub(crate) async fn stack(&self) -> Stack {
        let mut stores = Vec::new();
        for at in 0..self.servers.len() {
            stores.push(self.store(at).await);
        }
        self.stack_of(stores)
    }

    pub(crate) fn stack_of(&self, stores: Vec<Arc<dyn Store>>) -> Stack {
        let tiers = stores.into_iter().enumerate().map(|(at, store)| {
            let tier = Tier::new(LayerName::ALL[at + 1], self.reaches[at], store);
            let tier = tier.time_budget(self.budgets[at]);
            match self.ttls[at] {
                Some(ttl) => tier.ttl(ttl),
                None => tier,
            }
        });
        Stack::new(tiers.collect(), self.clock.clone()).expect("there is an authority")
    }

    /// One of the servers by itself.
    pub(crate) async fn store(&self, at: usize) -> Arc<dyn Store> {
        let store = RedisStore::builder(self.servers[at].url()).connect().await;
        Arc::new(store.expect("the server is there"))
    }

    /// What is in the slot of [`KEY`] on one of the servers.
    pub(crate) async fn slot(&self, at: usize) -> Option<Vec<u8>> {
        slot_in(&*self.store(at).await).await
    }

    /// How many milliseconds [`KEY`] has still to live on one of the servers.
    pub(crate) async fn left(&self, at: usize) -> Duration {
        let store = RedisStore::builder(self.servers[at].url()).connect().await;
        let connection = store.expect("the server is there").connection();
        let mut connection = connection.expect("it is one server");
        let left: i64 = redis::cmd("PTTL")
            .arg(format!("larder:v1:{KEY}"))
            .query_async(&mut connection)
            .await
            .expect("it answers");
        Duration::from_millis(u64::try_from(left).expect("it is there, and ends"))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.wound.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// The moment so far from now, as entries have it.
    pub(crate) fn after(&self, by: Duration) -> u64 {
        self.wound.load(Ordering::SeqCst) + millis(by)
    }

    /// Stores what `seal` makes of the current generations, as the cache does it: under a lease, with a
    /// step of the entry's own generation. Gives the entry.
    pub(crate) async fn fill_with(
        &self,
        stack: &Stack,
        tags: &[&str],
        ttl: Duration,
        seal: impl FnOnce(Sealed<'_>) -> Vec<u8>,
    ) -> Vec<u8> {
        let scopes = scopes(tags);
        let token = Nonce::token(Claim::Replacing);
        let request = LeaseRequest {
            token,
            claim: Claim::Replacing,
            expected: Expected::Anything,
            lasts: MINUTE,
            scopes: &scopes,
            ttl: Some(ttl),
        };
        let leased = stack.lease(KEY, request).await.expect("it answers");
        let Leased::Granted(lease) = leased else {
            panic!("it replaces every other");
        };
        let mut generations: Vec<Nonce> = lease.generations.into_iter().flatten().collect();
        let own = generations.len() - 1;
        let step = Advance {
            scope: own_scope(KEY),
            from: Some(generations[own]),
            to: Nonce::random(),
        };
        generations[own] = step.to;
        let advanced = stack.advance(&[step], Some(ttl)).await;
        assert_eq!(advanced.expect("it answers"), [Some(generations[own])]);
        let carried: Vec<_> = scopes.iter().cloned().zip(generations).collect();
        let entry = seal(Sealed {
            key: KEY,
            scopes: &carried,
            expires_at: self.after(ttl),
            stale_for: 0,
        });
        let filled = stack.fill(KEY, token, &entry, &scopes, Some(ttl)).await;
        assert_eq!(filled.expect("it answers"), Filled::Stored);
        entry
    }

    /// Stores a value for ten minutes, and waits until it lies wherever it can.
    pub(crate) async fn fill(&self, stack: &Stack, tags: &[&str], value: &str) -> Vec<u8> {
        let seal = |sealed: Sealed<'_>| sealed.value(value);
        let entry = self.fill_with(stack, tags, 10 * MINUTE, seal).await;
        stack.flush().await;
        entry
    }
}

/// Where a hand-wound clock starts, in milliseconds since 1970.
const HAND_WOUND: u64 = 1_720_000_000_000;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("not that long")
}

/// The scopes of [`KEY`] with these tags.
pub(crate) fn scopes(tags: &[&str]) -> Vec<String> {
    let tags = tags.iter().map(|tag| format!("tag:{tag}"));
    std::iter::once("all".to_owned())
        .chain(tags)
        .chain([own_scope(KEY)])
        .collect()
}

/// What a lookup of [`KEY`] with these tags finds.
pub(crate) async fn look(stack: &Stack, tags: &[&str]) -> Result<Option<String>, StoreError> {
    let scopes = scopes(tags);
    let reading = stack.read(KEY, Scopes::Named(&scopes)).await?;
    assert_eq!(reading.generations.len(), scopes.len());
    Ok(valid(&scopes, &reading))
}

/// The same where the tags are not known.
pub(crate) async fn look_stored(stack: &Stack) -> Option<String> {
    let reading = stack.read(KEY, Scopes::Stored).await.expect("it answers");
    read_stored(&reading)
}

pub(crate) fn read_stored(reading: &Reading) -> Option<String> {
    let listed = crate::sealed::listed(reading.slot.as_deref()?)?;
    let scopes: Vec<String> = listed.into_iter().map(|(scope, _)| scope).collect();
    assert_eq!(reading.generations.len(), scopes.len());
    valid(&scopes, reading)
}

/// What is in the slot of [`KEY`].
pub(crate) async fn slot_in(store: &dyn Store) -> Option<Vec<u8>> {
    let slots = store.slots(&[KEY.to_owned()], Part::Whole).await;
    slots.expect("it answers").remove(0)
}

/// Puts an entry into the slot of [`KEY`], whatever is in it.
pub(crate) async fn put(store: &dyn Store, entry: &[u8]) {
    store.copy(KEY, entry, None).await.expect("it answers");
}

/// Empties the slot of [`KEY`] on one server, as eviction does.
pub(crate) async fn evict(store: &dyn Store) {
    let emptied = store.invalidate(&[], &[KEY.to_owned()]).await;
    emptied.expect("it answers");
}

/// What a stack says of a tier.
pub(crate) fn stats(stack: &Stack, layer: LayerName) -> TierStats {
    let tiers = stack.tiers().into_iter();
    let mut tiers = tiers.filter(|tier| tier.layer == Some(layer));
    tiers.next().expect("the stack has this layer")
}

/// A test that hangs fails: this is the only thing the limit is for.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let limit = Duration::from_secs(60);
    let test = tokio::time::timeout(limit, test);
    test.await.expect("nothing hangs")
}
