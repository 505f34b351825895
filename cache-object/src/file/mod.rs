//! A folder of files.

mod boot;
mod builder;
mod folder;
mod lock;
mod place;
mod room;
mod tree;

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cap_std::fs::Dir;
use futures_util::future::try_join_all;
use larder_core::blobs::{Blob, Blobs, Name, When};
use larder_core::store::{Capabilities, Family, Nonce, Scan};
use larder_core::{Clock, Pattern, StoreError};
use tokio::sync::{Mutex, Semaphore};

pub use self::builder::FileStoreBuilder;
use self::folder::Folder;
use self::place::{Place, STRIPES};
use self::room::Room;
use crate::blob::{self, LONGEST_NAME};
use crate::keyspace::Range;

/// How many reads are under way at once: a disk that hangs must not take all of the runtime's threads
/// for blocking work.
const READS_AT_ONCE: usize = 32;

/// A folder on a local disk as a store, which the processes of one host may share.
///
/// An entry is a file, replaced as a whole, so a process that ends in the middle of a write leaves the
/// old one. What a process invalidated stays invalidated when it is started again on the same folder:
/// generations are files, too. Nothing is flushed to the disk at each write, so after a restart of the
/// *machine* the cache is empty, unless
/// [`keep_over_reboots`](FileStoreBuilder::keep_over_reboots) says otherwise. The folder may be cleared
/// at any time, also while it is used.
///
/// Keys may have any length and any characters: files are called by their hashes, and only files below
/// the folder are ever read or written, whatever symbolic links somebody puts there. A network disk
/// must have locks ([`File::lock`](std::fs::File::lock)) that all of its hosts see.
///
/// ```
/// use larder_core::Cache;
/// use larder_object::FileStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("cache");
/// let store = FileStore::builder(path).max_size(1 << 30).connect().await?;
/// let cache = Cache::builder().store(store).build();
/// cache.set("answer", &42).await?;
/// assert_eq!(cache.get("answer").await?, Some(42));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FileStore {
    name: Arc<str>,
    shelf: Arc<Shelf>,
    clock: Clock,
    reads: Arc<Semaphore>,
    /// In this process one at a time waits for each of the folder's locks: another process that stands
    /// still with a lock holds up one thread, not all.
    stripes: Arc<[Arc<Mutex<()>>]>,
    max_entry_size: u64,
}

/// What works on the threads for blocking work.
#[derive(Debug)]
struct Shelf {
    folder: Folder,
    room: Option<Room>,
}

impl FileStore {
    /// Sets up a store in a folder.
    pub fn builder(path: impl Into<PathBuf>) -> FileStoreBuilder {
        FileStoreBuilder::new(path.into())
    }

    /// Removes every entry, lease and generation whose time is over, and what is left from before the
    /// machine last started; says how many of the former. It reads the
    /// first bytes of every file, so it is for once an hour. What was written again meanwhile stays.
    ///
    /// ```
    /// # use larder_object::FileStore;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = FileStore::builder(folder.path()).connect().await?;
    /// assert_eq!(store.cleanup_expired().await?, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the disk. What was removed until then stays removed; the next call goes on.
    ///
    /// # Cancellation
    /// Dropping the future leaves the work to go on.
    pub async fn cleanup_expired(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        self.blocking(move |shelf| {
            let base = shelf.folder.open()?;
            match &shelf.room {
                Some(room) => room.survey(&shelf.folder, &base, now),
                None => room::clean_up(&shelf.folder, &base, now),
            }
        })
        .await
    }

    fn new(
        name: String,
        folder: Folder,
        room: Option<Room>,
        clock: Clock,
        max_entry_size: u64,
    ) -> Self {
        let stripes = (0..STRIPES).map(|_| Arc::default());
        Self {
            name: name.into(),
            shelf: Arc::new(Shelf { folder, room }),
            clock,
            reads: Arc::new(Semaphore::new(READS_AT_ONCE)),
            stripes: stripes.collect(),
            max_entry_size,
        }
    }

    /// Runs what blocks. Once begun it runs to its end, also if nobody waits for it any more.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shelf = Arc::clone(&self.shelf);
        let done = tokio::task::spawn_blocking(move || work(&shelf)).await;
        // Such a task fails only with the runtime that it runs on.
        let done = done.map_err(|_| self.refused("the runtime is ending".to_owned()))?;
        done.map_err(|error| self.refused(error.to_string()))
    }

    fn refused(&self, reason: String) -> StoreError {
        StoreError::Refused {
            store: self.name.to_string(),
            reason,
        }
    }

    fn check_size(&self, name: Name<'_>, content: &[u8]) -> Result<(), StoreError> {
        let room = self.shelf.room.as_ref().map_or(u64::MAX, Room::most);
        let sizes = [
            (content.len(), self.max_entry_size.min(room / 2)),
            (blob::text(name).len(), LONGEST_NAME as u64),
        ];
        for (size, limit) in sizes {
            if size as u64 > limit {
                return Err(StoreError::TooLarge {
                    store: self.name.to_string(),
                    size: size as u64,
                    limit,
                });
            }
        }
        Ok(())
    }

    async fn delete_in_stripe(&self, stripe: usize, names: Vec<Owned>) -> Result<(), StoreError> {
        let turn = Arc::clone(&self.stripes[stripe]).lock_owned().await;
        self.blocking(move |shelf| {
            let _turn = turn;
            let base = shelf.folder.open()?;
            names
                .iter()
                .try_for_each(|name| shelf.delete(&base, name.borrow()))
        })
        .await
    }
}

impl Shelf {
    fn delete(&self, base: &Dir, name: Name<'_>) -> std::io::Result<()> {
        let change = self.folder.remove(base, &Place::of(name), |_| true)?;
        if let (Some(room), Name::Slot(_)) = (&self.room, name)
            && change.is_done
        {
            room.release(change.replaced);
        }
        Ok(())
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Blobs for FileStore {
    /// Drawn at each put; `None` for what is none of ours.
    type Version = Option<Nonce>;

    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities
    }

    async fn get(
        &self,
        names: &[Name<'_>],
    ) -> Result<Vec<Option<Blob<Self::Version>>>, StoreError> {
        let names: Vec<Owned> = names.iter().map(|&name| Owned::from(name)).collect();
        let now = self.clock.now();
        // Never closed, so there is always one to come.
        let permit = Arc::clone(&self.reads).acquire_owned().await.ok();
        self.blocking(move |shelf| {
            let _permit = permit;
            let base = shelf.folder.open()?;
            let blob = |name: &Owned| {
                let name = name.borrow();
                let Some(found) = shelf.folder.read(&base, name)? else {
                    return Ok(None);
                };
                // What cannot be read has no content, and is replaced by whoever puts something there.
                let opened = blob::open(name, found.bytes);
                Ok(Some(Blob {
                    left: opened.as_ref().and_then(|opened| opened.left(now)),
                    bytes: opened.map(|opened| opened.content).unwrap_or_default(),
                    version: found.version,
                }))
            };
            names.iter().map(blob).collect()
        })
        .await
    }

    async fn put(
        &self,
        name: Name<'_>,
        bytes: &[u8],
        when: When<Self::Version>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        self.check_size(name, bytes)?;
        let now = self.clock.now();
        let bytes = blob::seal(name, bytes, blob::end_of(ttl, now));
        let stripe = Arc::clone(&self.stripes[Place::of(name).stripe()]);
        let name = Owned::from(name);
        let turn = stripe.lock_owned().await;
        self.blocking(move |shelf| {
            let _turn = turn;
            let base = shelf.folder.open()?;
            let (name, length) = (name.borrow(), bytes.len() as u64);
            let taken = match (&shelf.room, name) {
                (Some(room), Name::Slot(_)) => {
                    Some(room.take(&shelf.folder, &base, length, now)?)
                }
                _ => None,
            };
            let change = shelf.folder.write(&base, name, &bytes, when)?;
            if let Some(taken) = taken.filter(|_| change.is_done) {
                taken.written(change.replaced);
            }
            Ok(change.is_done)
        })
        .await
    }

    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        let mut by_stripe: Vec<Vec<Owned>> = vec![Vec::new(); STRIPES];
        for &name in names {
            by_stripe[Place::of(name).stripe()].push(name.into());
        }
        let deletes = by_stripe
            .into_iter()
            .enumerate()
            .filter(|(_, names)| !names.is_empty())
            .map(|(stripe, names)| self.delete_in_stripe(stripe, names));
        try_join_all(deletes).await.map(drop)
    }

    async fn list(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let range = Range::of(family, pattern);
        let after = match cursor.map(|cursor| Place::parse(range.folder, cursor)) {
            None => None,
            Some(Some(after)) => Some(after),
            Some(None) => {
                return Err(StoreError::Cursor {
                    store: self.name.to_string(),
                });
            }
        };
        let permit = Arc::clone(&self.reads).acquire_owned().await.ok();
        let (keys, next) = self
            .blocking(move |shelf| {
                let _permit = permit;
                tree::keys(&shelf.folder.open()?, &range, after, about)
            })
            .await?;
        Ok(Scan {
            keys,
            next: next.map(|place| place.file()),
        })
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.clone()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.blocking(|shelf| shelf.folder.check_writable()).await
    }
}

/// A [`Name`] that goes to another thread.
#[derive(Debug, Clone)]
enum Owned {
    Slot(String),
    Generation(String),
}

impl Owned {
    fn borrow(&self) -> Name<'_> {
        match self {
            Self::Slot(key) => Name::Slot(key),
            Self::Generation(scope) => Name::Generation(scope),
        }
    }
}

impl From<Name<'_>> for Owned {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Slot(key) => Self::Slot(key.to_owned()),
            Name::Generation(scope) => Self::Generation(scope.to_owned()),
        }
    }
}
