//! The store: larder's contract in commands and scripts.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::StoreError;
use larder_core::event::EventLog;
use larder_core::store::{
    Advance, Capabilities, Claim, Expected, Family, Filled, Increment, Incremented, Lease,
    LeaseRequest, Leased, Nonce, OWN_SCOPE, Part, Patch, Reading, Scan, Scopes, Store, Usage,
    Watcher, own_scope,
};
use larder_core::{Pattern, PatternPart, slot};
use redis::aio::ConnectionManager;
use redis::cluster_async::ClusterConnection;
use redis::{FromRedisValue, RedisError, Value};

use crate::connect::{RedisStoreBuilder, redacted};
use crate::connection::{Batch, Connection, Place, is_passing};
use crate::events::RedisEvents;
use crate::scripts::Scripts;
use crate::watch::{Filling, Origin, Watch};

/// How much longer than twice an entry's ttl a generation is kept, so that it is not renewed at
/// every fill.
const GENERATION_MARGIN: Duration = Duration::from_secs(3_600);

/// How many wildcards Redis is asked to match: beyond a thousand it matches nothing.
const MOST_WILDCARDS: usize = 50;

/// How many commands one pipeline has: the server serves others in between.
const AT_ONCE: usize = 500;

/// One Redis server (7.0 or newer, or Valkey) as a store.
///
/// Keys look like `prefix:version:namespace:key` (`larder:v1::user:7` without a namespace), and
/// generations like `prefix:version:#tag:users`. Reconnects by itself.
///
/// ```no_run
/// use larder_core::Cache;
/// use larder_redis::RedisStore;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::builder("redis://localhost:6379/0").prefix("shop").connect().await?;
/// let cache = Cache::builder().store(store).build();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    connection: Connection,
    watch: Watch,
    events: Arc<RedisEvents>,
    keyspace: Arc<Keyspace>,
    name: Arc<str>,
    /// What must not get into an error's text.
    secrets: Arc<[String]>,
    is_local: bool,
}

impl RedisStore {
    /// Sets up a store on the server at `url`: `redis://user:password@host:6379/0`, or `rediss://`
    /// with TLS.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(vec![url.into()], false)
    }

    /// Sets up a store on the cluster that these servers belong to; the others are found. They have the
    /// same user, password and scheme.
    ///
    /// ```no_run
    /// use larder_redis::RedisStore;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisStore::cluster(["redis://node1:6379", "redis://node2:6379"]).connect().await?;
    /// # Ok(()) }
    /// ```
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(urls.into_iter().map(Into::into).collect(), true)
    }

    pub(crate) fn new(
        connection: Connection,
        name: String,
        secrets: Vec<String>,
        keyspace: Keyspace,
        is_local: bool,
    ) -> Self {
        let secrets: Arc<[String]> = secrets.into();
        let keyspace = Arc::new(keyspace);
        let name: Arc<str> = name.into();
        let watch = Watch::new(Origin {
            connection: connection.clone(),
            keyspace: Arc::clone(&keyspace),
            name: Arc::clone(&name),
            secrets: Arc::clone(&secrets),
        });
        let events = RedisEvents::new(
            connection.clone(),
            keyspace.generation("events"),
            &name,
            Arc::clone(&secrets),
        );
        Self {
            connection,
            watch,
            events: Arc::new(events),
            keyspace,
            name,
            secrets,
            is_local,
        }
    }

    /// Whether the addresses that were given are all on this machine (loopback, or a socket). Such a store
    /// is shared by the processes of one machine only.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// The client's own connection to the one server, for what larder does not wrap; with sentinels, to
    /// the primary that was named last. `None` for a [cluster](Self::cluster_connection), and before
    /// sentinels have named one.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionManager> {
        self.connection.manager()
    }

    /// The client's own connection to the cluster, for what larder does not wrap; `None` where there is
    /// none. It is made when it is first asked for: larder has connections of its own.
    #[must_use]
    pub fn cluster_connection(&self) -> Option<ClusterConnection> {
        self.connection.cluster()
    }

    fn scripts(&self) -> &Scripts {
        self.connection.scripts()
    }

    /// The answers to the commands: one round trip, unless a server does not know the scripts yet, or a
    /// slot has moved.
    async fn run<T: FromRedisValue>(&self, batch: Batch) -> Result<T, StoreError> {
        let answers = self.answers(batch).await?;
        self.decoded(answers)
    }

    async fn answers(&self, batch: Batch) -> Result<Vec<Value>, StoreError> {
        let links = self.watch.links();
        let answers = self.connection.run(batch, links.as_deref()).await;
        answers.map_err(|error| self.failed(&error))
    }

    /// The same for what ends generations or empties slots, which may have to wait for replicas.
    async fn run_acknowledged<T: FromRedisValue>(&self, batch: Batch) -> Result<T, StoreError> {
        let Some(wanted) = self.connection.acknowledgement() else {
            return self.run(batch).await;
        };
        let (answers, had) = self
            .connection
            .run_acknowledged(batch, self.watch.links().as_deref())
            .await
            .map_err(|error| self.failed(&error))?;
        if had < wanted.replicas {
            return Err(StoreError::Refused {
                store: self.name.to_string(),
                reason: format!(
                    "{had} of {} replicas had the invalidation within {:?}",
                    wanted.replicas, wanted.within
                ),
            });
        }
        self.decoded(answers)
    }

    fn decoded<T: FromRedisValue>(&self, answers: Vec<Value>) -> Result<T, StoreError> {
        Value::Array(answers)
            .extract_error()
            .and_then(|answers| Ok(redis::from_redis_value(answers)?))
            .map_err(|error| self.failed(&error))
    }

    /// Runs commands that may fail one by one: on what is nothing of ours, for example.
    async fn run_each<T: FromRedisValue>(
        &self,
        batch: Batch,
    ) -> Result<Vec<Option<T>>, StoreError> {
        let answers = self.answers(batch).await?;
        Ok(answers
            .into_iter()
            .map(|answer| redis::from_redis_value(answer).ok())
            .collect())
    }

    async fn mget(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut batch = Batch::new();
        for keys in keys.chunks(self.connection.keys_at_once()) {
            batch.add_keys("MGET", keys);
        }
        let found: Vec<Vec<Option<Vec<u8>>>> = self.run(batch).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Adds: begins the generations that are missing, and reads all. Plain commands, because what a script
    /// does is told to the one who ran it, too: see `watch`.
    fn begin(&self, batch: &mut Batch, scopes: &[String], ttl: Option<Duration>) -> Vec<Nonce> {
        let generations = self.keyspace.generations(scopes);
        let begun: Vec<Nonce> = generations.iter().map(|_| Nonce::random()).collect();
        for (generation, begun) in generations.iter().zip(&begun) {
            let begin = batch.add(&["SET"], generation);
            begin.arg(&begun.0[..]).arg("NX").arg("GET");
            if let Some(ttl) = ttl {
                begin.arg("PX").arg(millis(generation_ttl(ttl)));
            }
        }
        begun
    }

    /// What the generations are, by the answers to [`begin`](Self::begin). Where there is something that is
    /// nothing of ours, a new one is put in its place.
    async fn begun(
        &self,
        scopes: &[String],
        ttl: Option<Duration>,
        begun: Vec<Nonce>,
        answers: impl Iterator<Item = Value>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        let answers = answers.chain(std::iter::repeat(Value::Okay));
        let mut generations: Vec<Option<Nonce>> = begun
            .into_iter()
            .zip(answers)
            .map(|(begun, answer)| match answer {
                Value::Nil => Some(begun),
                Value::BulkString(there) => nonce(&there),
                _ => None,
            })
            .collect();
        for (scope, generation) in scopes.iter().zip(&mut generations) {
            if generation.is_none() {
                let name = [self.keyspace.generation(scope)];
                let mut batch = Batch::new();
                let begin = batch.script(&self.scripts().begin, &name);
                match ttl {
                    Some(ttl) => begin.arg(millis(generation_ttl(ttl))),
                    None => begin.arg(""),
                };
                begin.arg(&Nonce::random().0[..]);
                let begun: Vec<Vec<Vec<u8>>> = self.run(batch).await?;
                *generation = begun.first().and_then(|begun| nonce(begun.first()?));
            }
        }
        Ok(generations)
    }

    /// Adds: sees to it that generations outlive the entries under them.
    fn keep(&self, batch: &mut Batch, scopes: &[String], ttl: Option<Duration>) {
        let generations = self.keyspace.generations(scopes);
        for generations in generations.chunks(self.connection.keys_at_once()) {
            let keep = batch.script(&self.scripts().keep, generations);
            match ttl {
                Some(ttl) => keep.arg(millis(ttl)).arg(millis(generation_ttl(ttl))),
                None => keep.arg("").arg(""),
            };
        }
    }

    fn slot(&self, key: &str) -> [String; 1] {
        [self.keyspace.slot(key)]
    }

    fn failed(&self, error: &RedisError) -> StoreError {
        failed(&self.name, &self.secrets, error)
    }
}

/// What the client's error means, without anything secret in it.
pub(crate) fn failed(store: &str, secrets: &[String], error: &RedisError) -> StoreError {
    let store = store.to_owned();
    let reason = redacted(error, secrets);
    let is_lost = error.is_io_error() || error.is_connection_dropped() || error.is_timeout();
    if is_lost || is_passing(error) {
        StoreError::Unreachable { store, reason }
    } else {
        StoreError::Refused { store, reason }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("name", &self.name)
            .field("keyspace", &self.keyspace)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities.increment = true;
        capabilities
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        match scopes {
            Scopes::Named(scopes) => {
                let mut keys = Vec::with_capacity(scopes.len() + 1);
                keys.push(self.keyspace.slot(key));
                keys.extend(scopes.iter().map(|scope| self.keyspace.generation(scope)));
                let mut found = self.mget(&keys).await?.into_iter();
                let slot = found.next().flatten();
                Ok(Reading {
                    slot,
                    generations: nonces(found),
                })
            }
            Scopes::Stored => self.read_stored(key, "").await,
        }
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        if scopes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(nonces(self.mget(&self.keyspace.generations(scopes)).await?))
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        let claim = match request.claim {
            Claim::Shared => "shared",
            Claim::Exclusive => "exclusive",
            Claim::Replacing => "replacing",
        };
        let mut batch = Batch::new();
        batch
            .script(&self.scripts().lease, &self.slot(key))
            .arg(&request.token.0[..])
            .arg(millis(request.lasts))
            .arg(match &request.expected {
                Expected::Anything => &b"*"[..],
                Expected::NoEntry => &[],
                Expected::Entry(identity) => &identity.0,
            })
            .arg(claim);
        let begun = self.begin(&mut batch, request.scopes, request.ttl);
        let mut answers = self.answers(batch).await?.into_iter();
        let answer = answers.next().unwrap_or(Value::Nil).extract_error();
        let answer = answer.and_then(|answer| Ok(redis::from_redis_value(answer)?));
        let answer: Vec<Vec<u8>> = answer.map_err(|error| self.failed(&error))?;
        match answer.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [b"held"] => return Ok(Leased::Held),
            [b"changed"] => return Ok(Leased::Changed),
            [token, over] if let Some(token) = nonce(token) => {
                let begun = self.begun(request.scopes, request.ttl, begun, answers);
                return Ok(Leased::Granted(Lease {
                    token,
                    generations: begun.await?,
                    over: nonce(over),
                }));
            }
            _ => {}
        }
        Err(StoreError::Refused {
            store: self.name.to_string(),
            reason: "the lease script gave no token".to_owned(),
        })
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch
            .script(&self.scripts().renew, &self.slot(key))
            .arg(&token.0[..])
            .arg(millis(lasts));
        self.run::<Vec<Value>>(batch).await.map(drop)
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch
            .script(&self.scripts().release, &self.slot(key))
            .arg(&token.0[..]);
        self.run::<Vec<Value>>(batch).await.map(drop)
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        let slot = self.slot(key);
        let script = |batch: &mut Batch| {
            let fill = batch.script(&self.scripts().fill, &slot);
            fill.arg(&token.0[..]).arg(entry);
            match ttl {
                Some(ttl) => fill.arg(millis(ttl)),
                None => fill.arg(""),
            };
        };
        let mut batch = Batch::new();
        if let (Some(links), Some(ttl)) = (self.watch.links(), ttl) {
            let filling = Filling::new(Arc::clone(&links), key);
            Filling::begin_step(&mut batch, &slot[0]);
            script(&mut batch);
            Filling::end_step(&mut batch, &slot[0], millis(ttl));
            self.keep(&mut batch, scopes, Some(ttl));
            let answers = self.connection.run(batch, Some(&links)).await;
            match filling.answered(answers.as_deref().unwrap_or_default()) {
                Some(true) => return Ok(Filled::Stored),
                Some(false) => return Ok(Filled::Overtaken),
                None => answers.map(drop).map_err(|error| self.failed(&error))?,
            }
            batch = Batch::new();
        }
        script(&mut batch);
        self.keep(&mut batch, scopes, ttl);
        let answers: Vec<bool> = self.run(batch).await?;
        Ok(if answers.first() == Some(&true) {
            Filled::Stored
        } else {
            Filled::Overtaken
        })
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let all: Vec<String> = scopes
            .iter()
            .map(|scope| self.keyspace.generation(scope))
            .chain(keys.iter().map(|key| self.keyspace.slot(key)))
            .collect();
        let mut batch = Batch::new();
        for keys in all.chunks(self.connection.keys_at_once()) {
            batch.add_keys("UNLINK", keys);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.run_acknowledged::<Vec<Value>>(batch).await.map(drop)
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let set = batch.add(&["SET"], &self.keyspace.slot(key)).arg(entry);
        if let Some(ttl) = ttl {
            set.arg("PX").arg(millis(ttl));
        }
        self.run::<Vec<Value>>(batch).await.map(drop)
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch::new();
        for step in steps {
            let generation = [self.keyspace.generation(&step.scope)];
            let advance = batch.script(&self.scripts().advance, &generation);
            match &step.from {
                Some(from) => advance.arg(&from.0[..]),
                None => advance.arg(""),
            };
            advance.arg(&step.to.0[..]);
            match ttl {
                Some(ttl) => advance.arg(millis(generation_ttl(ttl))),
                None => advance.arg(""),
            };
        }
        let current: Vec<Option<Vec<u8>>> = self.run_acknowledged(batch).await?;
        Ok(nonces(current))
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.iter().map(|key| self.keyspace.slot(key));
        match part {
            Part::Whole => self.mget(&keys.collect::<Vec<_>>()).await,
            Part::Head => {
                let mut batch = Batch::new();
                for key in keys {
                    batch.add(&["GETRANGE"], &key).arg(0).arg(slot::HEAD - 1);
                }
                let heads: Vec<Option<Vec<u8>>> = self.run_each(batch).await?;
                Ok(heads
                    .into_iter()
                    .map(|head| head.filter(|head| !head.is_empty()))
                    .collect())
            }
        }
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        self.read_stored(key, "take").await
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let mut removed = 0;
        for some in entries.chunks(AT_ONCE) {
            let mut batch = Batch::new();
            for (key, identity) in some {
                batch
                    .script(&self.scripts().remove, &self.slot(key))
                    .arg(&identity.0[..]);
            }
            let counts: Vec<u64> = self.run(batch).await?;
            removed += counts.iter().sum::<u64>();
        }
        Ok(removed)
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        let mut batch = Batch::new();
        let changes = batch.script(&self.scripts().patch, &self.slot(key));
        changes.arg(&patch.identity.0[..]);
        match patch.ttl {
            Some(ttl) => changes.arg(millis(ttl)),
            None => changes.arg(""),
        };
        for (at, bytes) in patch.bytes {
            changes.arg(at).arg(&bytes[..]);
        }
        self.keep(&mut batch, patch.scopes, patch.ttl);
        let answers: Vec<bool> = self.run(batch).await?;
        Ok(answers.first() == Some(&true))
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let place = cursor.map(str::parse::<Place>).transpose();
        let place = place.map_err(|_| StoreError::Cursor {
            store: self.name.to_string(),
        })?;
        let walked = self.connection.walk(place, |cursor| {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor)
                .arg("MATCH")
                .arg(self.keyspace.glob(family, pattern))
                .arg("COUNT")
                .arg(about.max(1));
            scan
        });
        let (found, next) = walked.await.map_err(|error| self.failed(&error))?;
        let keys = found
            .into_iter()
            .filter_map(|key| String::from_utf8(key).ok())
            .filter_map(|key| self.keyspace.found(family, &key).map(str::to_owned))
            .collect();
        Ok(Scan {
            keys,
            next: next.map(|next| next.to_string()),
        })
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        let kind = increment.kind;
        let bits = kind.width() * 8;
        // There is no type of 64 bits without a sign: what has one is kept below 2^63.
        let (of_type, at_bit) = match (kind.is_signed(), bits) {
            (true, _) => (format!("i{bits}"), increment.at * 8),
            (false, 64) => ("u63".to_owned(), increment.at * 8 + 1),
            (false, _) => (format!("u{bits}"), increment.at * 8),
        };
        let mut batch = Batch::new();
        batch
            .script(&self.scripts().increment, &self.slot(key))
            .arg(&increment.identity.0[..])
            .arg(increment.at)
            .arg(kind.width())
            .arg(of_type)
            .arg(at_bit)
            .arg(increment.by);
        let (answer,): (Vec<Vec<u8>>,) = self.run(batch).await?;
        match answer.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [b"changed"] => return Ok(Incremented::Changed),
            [b"overflow"] => return Ok(Incremented::Overflow),
            [b"to", number] if let Some(number) = kind.read(number) => {
                return Ok(Incremented::To(number));
            }
            _ => {}
        }
        Err(StoreError::Refused {
            store: self.name.to_string(),
            reason: "the increment script gave no number".to_owned(),
        })
    }

    async fn usage(&self, keys: &[String]) -> Result<Vec<Usage>, StoreError> {
        let mut batch = Batch::new();
        for key in keys {
            let key = self.keyspace.slot(key);
            batch.add(&["OBJECT", "FREQ"], &key);
            batch.add(&["OBJECT", "IDLETIME"], &key);
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        // Which of the first two it knows depends on its policy for eviction: the other is an error.
        let known = self.run_each(batch).await?;
        Ok(known
            .chunks(2)
            .map(|known| {
                let mut usage = Usage::default();
                usage.hits = known[0];
                usage.idle = known[1].map(Duration::from_secs);
                usage
            })
            .collect())
    }

    async fn sizes(&self, keys: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch::new();
        for key in keys {
            batch.add(&["MEMORY", "USAGE"], &self.keyspace.slot(key));
        }
        self.run_each(batch).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        let cluster = || Some(Box::new(self.cluster_connection()?) as Box<dyn Any + Send>);
        match self.connection.manager() {
            Some(server) => Some(Box::new(server)),
            None => cluster(),
        }
    }

    /// Over connections of its own, one to each primary, on which the server tells of changes
    /// (`CLIENT TRACKING`, RESP3). While they are there, calls of this handle go over them. One watcher
    /// for each handle, whose connections end with it; a clone is a handle of its own.
    ///
    /// A connection that breaks is noticed at once; a server that stands still, a network that swallows
    /// everything, and a primary that has been replaced without a word, within a second and a half.
    ///
    /// Not told is what this handle invalidates, copies, or fills with a ttl, unless others changed the
    /// same key right after. All else that it changes is.
    ///
    /// Needs Redis 6 or newer, or Valkey, without a proxy that does not speak RESP3, and a user who may run
    /// `client|tracking`, for a cluster also `cluster|slots` and `cluster|info`; with `multi` and `exec` its
    /// own fills are not told. Where tracking is refused nothing is regained, and a warning says so once.
    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.watch.begin(watcher)
    }

    async fn hear(&self) -> Result<(), StoreError> {
        match self.watch.links() {
            Some(links) => links.settle().await.map_err(|error| self.failed(&error)),
            None => Ok(()),
        }
    }

    fn events(&self) -> Option<Arc<dyn EventLog>> {
        Some(Arc::clone(&self.events) as Arc<dyn EventLog>)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let answer = self.connection.ping().await;
        answer.map_err(|error| self.failed(&error))
    }
}

impl RedisStore {
    /// A slot and the generations that it lists, in one round trip; with `take` the slot is emptied. In a
    /// cluster they are on other servers, which the one with the slot cannot ask: without them.
    async fn read_stored(&self, key: &str, take: &str) -> Result<Reading, StoreError> {
        let mut batch = Batch::new();
        let read = batch.script(&self.scripts().read, &self.slot(key));
        if self.connection.is_cluster() {
            read.arg("").arg(take);
        } else {
            read.arg(self.keyspace.generation("")).arg(take);
        }
        let (found,): (Vec<Value>,) = self.run(batch).await?;
        self.stored(found)
    }

    /// The read script's answer: nothing, the slot, or the slot and its generations.
    fn stored(&self, found: Vec<Value>) -> Result<Reading, StoreError> {
        let mut found = found.into_iter();
        let slot = found.next().map(redis::from_redis_value).transpose();
        let generations: Result<Option<Vec<Option<Vec<u8>>>>, _> =
            found.next().map(redis::from_redis_value).transpose();
        match (slot, generations) {
            (Ok(slot), Ok(generations)) => Ok(Reading {
                slot,
                generations: nonces(generations.unwrap_or_default()),
            }),
            // Without what the client says: it quotes the answer.
            (Err(_), _) | (_, Err(_)) => Err(StoreError::Refused {
                store: self.name.to_string(),
                reason: "the read script gave an answer of another kind".to_owned(),
            }),
        }
    }
}

/// What a name on the server stands for.
pub(crate) enum Changed<'n> {
    /// The slot of a qualified key.
    Slot(&'n str),
    /// The generation of a scope.
    Generation(&'n str),
}

/// Where this store's keys are on the server.
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

    /// What every key begins with.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What has changed when the server says so of this name, unless it is nothing of the cache's.
    pub(crate) fn changed<'n>(&self, name: &'n [u8]) -> Option<Changed<'n>> {
        let name = str::from_utf8(name).ok()?.strip_prefix(&self.base)?;
        match name.strip_prefix('#') {
            None => Some(Changed::Slot(name)),
            Some("events") => None,
            Some(scope) if scope.starts_with("events:") => None,
            Some(scope) => Some(Changed::Generation(scope)),
        }
    }

    fn slot(&self, key: &str) -> String {
        format!("{}{key}", self.base)
    }

    /// The key as the cache calls it, of a name on the server that is of this family.
    fn found<'k>(&self, family: Family, name: &'k str) -> Option<&'k str> {
        let name = name.strip_prefix(&self.base)?;
        match family {
            Family::Slots => Some(name).filter(|key| !key.starts_with('#')),
            Family::OwnScopes => name.strip_prefix('#')?.strip_prefix(OWN_SCOPE),
        }
    }

    /// A pattern for SCAN. It may match more: Redis goes by bytes, patterns go by characters.
    fn glob(&self, family: Family, pattern: &Pattern) -> String {
        let qualifier = pattern.qualifier();
        let beginning = match family {
            Family::Slots => self.slot(qualifier),
            Family::OwnScopes => self.generation(&own_scope(qualifier)),
        };
        // A literal text and its escapes are the same in both.
        let mut glob = Pattern::literal(&beginning);
        let mut wildcards = 0;
        for part in pattern.parts() {
            if !matches!(part, PatternPart::Is(_)) {
                wildcards += 1;
            }
            if wildcards > MOST_WILDCARDS {
                glob.push('*');
                break;
            }
            match part {
                PatternPart::Is(c) => {
                    glob.push_str(&Pattern::literal(c.encode_utf8(&mut [0; 4])));
                }
                PatternPart::Any => glob.push('*'),
                _ => glob.push_str("?*"),
            }
        }
        glob
    }

    /// A namespace cannot begin with `#`, so no key can be taken for a generation; no scope is called
    /// `events`, which is the stream.
    fn generation(&self, scope: &str) -> String {
        format!("{}#{scope}", self.base)
    }

    fn generations(&self, scopes: &[String]) -> Vec<String> {
        scopes.iter().map(|scope| self.generation(scope)).collect()
    }
}

fn generation_ttl(ttl: Duration) -> Duration {
    ttl.saturating_mul(2).saturating_add(GENERATION_MARGIN)
}

/// Milliseconds as Redis takes them: at least one, and not so many that its clock overflows.
fn millis(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 3_600 * 1_000;
    u64::try_from(duration.as_millis())
        .unwrap_or(CENTURY)
        .clamp(1, CENTURY)
}

fn nonces(found: impl IntoIterator<Item = Option<Vec<u8>>>) -> Vec<Option<Nonce>> {
    found.into_iter().map(|bytes| nonce(&bytes?)).collect()
}

/// Sixteen bytes, or nothing of ours.
fn nonce(bytes: &[u8]) -> Option<Nonce> {
    bytes.try_into().ok().map(Nonce)
}
