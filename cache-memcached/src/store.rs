//! The store: blobs on a memcached server.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_memcached::{AsciiProtocol as _, Error, ErrorKind, MetaProtocol as _, MetaValue, Status};
use async_trait::async_trait;
use deadpool::managed::{Object, PoolError};
use larder_core::StoreError;
use larder_core::blobs::{Blob, Blobs, Name, When};
use larder_core::store::Capabilities;

use crate::address::shortened;
use crate::connect::MemcachedStoreBuilder;
use crate::exptime::{exptime, left};
use crate::keyspace::Keyspace;
use crate::pool::{Connections, Pool};

/// How many names one pipeline asks for: as many as fit into what the system buffers, because nothing
/// is read before all of it is written.
const AT_ONCE: usize = 100;

/// One memcached server (1.6 or newer) as a store.
///
/// Keys look like `prefix:version:namespace:key` (`larder:v1::user:7` without a namespace), and
/// generations like `prefix:version:#tag:users`; what memcached does not take as a key (more than 250
/// bytes, spaces, anything but visible ASCII) is hashed. The server cannot go through its keys: what
/// needs that is [`Unsupported`](StoreError::Unsupported). Reconnects by itself. Clones share their
/// connections.
///
/// Leases and generations are compared by the server's own numbers, which a proxy in between, or
/// several servers behind one name, would mix up: connect to the server itself.
///
/// ```no_run
/// use larder_core::Cache;
/// use larder_memcached::MemcachedStore;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemcachedStore::builder("memcached://localhost:11211").prefix("shop").connect().await?;
/// let cache = Cache::builder().store(store).build();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemcachedStore {
    pool: Pool,
    keyspace: Arc<Keyspace>,
    name: Arc<str>,
}

/// Which put a blob comes from: the number that the server gave it, and when that was seen. A server
/// that is started again counts from the beginning.
#[derive(Debug, Clone, Copy)]
pub struct Version {
    number: u64,
    seen: Instant,
}

impl MemcachedStore {
    /// Sets up a store on the server at `url`: `memcached://host:11211`.
    pub fn builder(url: impl Into<String>) -> MemcachedStoreBuilder {
        MemcachedStoreBuilder::new(url)
    }

    pub(crate) fn new(pool: Pool, keyspace: Keyspace, name: String) -> Self {
        Self {
            pool,
            keyspace: Arc::new(keyspace),
            name: name.into(),
        }
    }

    /// The connections, for what larder does not wrap.
    #[must_use]
    pub fn pool(&self) -> Pool {
        self.pool.clone()
    }

    async fn pooled(&self) -> Result<Object<Connections>, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => self.failed(&error),
            other => self.unreachable(&other),
        })
    }

    /// Waits for an answer to a meta command. The client takes anything for one to `version`.
    async fn answers(&self, connection: &mut Object<Connections>) -> Result<(), StoreError> {
        let key = self.keyspace.key(&Name::Slot(""));
        let answer = connection.meta_get_multi(&[key], None).await;
        answer.map(drop).map_err(|error| self.failed(&error))
    }

    /// What the client's error means.
    fn failed(&self, error: &Error) -> StoreError {
        match error {
            Error::Connect(error) | Error::Io(error) => {
                // The server is gone, and so are all the connections to it.
                self.pool.retain(|_, _| false);
                self.unreachable(error)
            }
            Error::ConnectionClosed => self.unreachable(error),
            Error::Protocol(Status::Error(ErrorKind::Server(text) | ErrorKind::Client(text))) => {
                self.refused(&shortened(text))
            }
            Error::Protocol(Status::Error(ErrorKind::NonexistentCommand)) => {
                self.refused("it does not know the meta commands, which memcached 1.6 or newer has")
            }
            _ => self.refused("its answer is none of memcached's"),
        }
    }

    fn unreachable(&self, reason: &dyn fmt::Display) -> StoreError {
        StoreError::Unreachable {
            store: self.name.to_string(),
            reason: reason.to_string(),
        }
    }

    fn refused(&self, reason: &str) -> StoreError {
        StoreError::Refused {
            store: self.name.to_string(),
            reason: reason.to_owned(),
        }
    }

    fn too_large(&self, size: u64) -> StoreError {
        StoreError::TooLarge {
            store: self.name.to_string(),
            size,
            limit: self.pool.manager().limit(),
        }
    }

    fn blob(&self, found: MetaValue, seen: Instant) -> Result<Blob<Version>, StoreError> {
        let (Some(number), Some(seconds)) = (found.cas, found.ttl_remaining) else {
            return Err(self.refused("its answer is none of memcached's"));
        };
        Ok(Blob {
            // What has no bytes has no data.
            bytes: found.data.unwrap_or_default(),
            version: Version { number, seen },
            left: left(seconds),
        })
    }
}

impl fmt::Debug for MemcachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStore")
            .field("name", &self.name)
            .field("keyspace", &self.keyspace)
            .finish_non_exhaustive()
    }
}

/// A call that is cancelled in the middle of an answer closes its connection.
#[async_trait]
impl Blobs for MemcachedStore {
    type Version = Version;

    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn get(&self, names: &[Name<'_>]) -> Result<Vec<Option<Blob<Version>>>, StoreError> {
        let keys: Vec<String> = names.iter().map(|name| self.keyspace.key(name)).collect();
        let mut connection = self.pooled().await?;
        let seen = Instant::now();
        let mut blobs = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let found = connection
                .meta_get_multi(keys, Some(&["v", "c", "t"]))
                .await
                .map_err(|error| self.failed(&error))?;
            // In the order of the keys, without those that are missing.
            let mut found = found.into_iter().peekable();
            for key in keys {
                let blob = found.next_if(|found| found.key.as_deref() == Some(key.as_bytes()));
                blobs.push(blob.map(|blob| self.blob(blob, seen)).transpose()?);
            }
        }
        Ok(blobs)
    }

    async fn put(
        &self,
        name: Name<'_>,
        bytes: &[u8],
        when: When<Version>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let size = bytes.len() as u64;
        if size > self.pool.manager().limit() {
            return Err(self.too_large(size));
        }
        let mut connection = self.pooled().await?;
        let mut flags = vec![format!("T{}", exptime(ttl))];
        match when {
            When::Anything => {}
            When::Absent => flags.push("ME".to_owned()),
            // Through this connection another server may answer than the one that counted so far.
            When::Is(version) if Object::metrics(&connection).created > version.seen => {
                return Ok(false);
            }
            When::Is(version) => flags.push(format!("C{}", version.number)),
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let key = self.keyspace.key(&name);
        match connection
            .meta_set(key, bytes, false, None, Some(&flags))
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::Protocol(Status::NotStored | Status::Exists | Status::NotFound)) => {
                Ok(false)
            }
            Err(Error::Protocol(Status::Error(ErrorKind::Server(text))))
                if text.starts_with("object too large") =>
            {
                self.pool.manager().refuses(size);
                Err(self.too_large(size))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        let keys: Vec<String> = names.iter().map(|name| self.keyspace.key(name)).collect();
        let mut connection = self.pooled().await?;
        let deleted = connection.delete_multi_no_reply(&keys).await;
        deleted.map_err(|error| self.failed(&error))?;
        // A server does what comes through one connection in order: its answer to what was asked last
        // says that all of it is done.
        self.answers(&mut connection).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.pool()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.pooled().await?;
        self.answers(&mut connection).await
    }
}
