//! Setting up a folder.

use std::fmt;
use std::path::PathBuf;

use larder_core::{Clock, Store as _};

use super::folder::Folder;
use super::room::Room;
use super::{FileStore, boot};
use crate::error::ConnectError;
use crate::keyspace::{Keyspace, shown};
use crate::objects::longest_object;
use crate::settings::MAX_ENTRY_SIZE;

/// Sets up a [`FileStore`].
#[derive(Clone)]
pub struct FileStoreBuilder {
    path: PathBuf,
    keyspace: Keyspace,
    max_size: Option<u64>,
    max_entry_size: u64,
    keeps_over_reboots: bool,
    start_degraded: bool,
    clock: Clock,
}

impl fmt::Debug for FileStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStoreBuilder")
            .field("path", &self.path)
            .field("prefix", &shown(&self.keyspace.prefix))
            .field("version", &shown(&self.keyspace.version))
            .field("max_size", &self.max_size)
            .finish_non_exhaustive()
    }
}

impl FileStoreBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            keyspace: Keyspace::default(),
            max_size: None,
            max_entry_size: MAX_ENTRY_SIZE,
            keeps_over_reboots: false,
            start_degraded: false,
            clock: Clock::default(),
        }
    }

    /// The folder within the folder; `larder` unless set. Applications that share a folder each take
    /// their own.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.keyspace.prefix = prefix.into();
        self
    }

    /// The folder within that one; `v1` unless set. A new one starts with an empty cache.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.keyspace.version = version.into();
        self
    }

    /// How many bytes the entries may take together; no limit unless set. Each counts in whole blocks
    /// of 4 KiB. When there is no room for another one, those that are over are removed, then the
    /// oldest, until a tenth is free; whoever writes then waits for it, within the time budget.
    /// Generations do not count, and are removed only when they are over.
    ///
    /// Several processes on one folder each count what they write themselves, and look at the folder
    /// after every eighth of this; so there may be an eighth more for each further process.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// How many bytes an entry may have; 64 MiB unless set. What is larger is not stored, and what
    /// turns out to be larger is not read.
    #[must_use]
    pub fn max_entry_size(mut self, bytes: u64) -> Self {
        self.max_entry_size = bytes;
        self
    }

    /// Whether entries from before the machine last started are used; they are not unless set (where
    /// the system tells its starts apart: on Linux). Files are not flushed to the disk at each write:
    /// after a power cut the last seconds of invalidations may be undone. Restarts of the process are
    /// no matter.
    #[must_use]
    pub fn keep_over_reboots(mut self, kept: bool) -> Self {
        self.keeps_over_reboots = kept;
        self
    }

    /// Starts even if the folder cannot be used: until it can, every lookup loads.
    #[must_use]
    pub fn start_degraded(mut self, allowed: bool) -> Self {
        self.start_degraded = allowed;
        self
    }

    /// The clock by which files end; the system's unless set. For tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Everything that is wrong, as far as it can be known without the folder.
    ///
    /// ```
    /// use larder_object::FileStore;
    ///
    /// let mistaken = FileStore::builder("").prefix("our shop").max_size(1_000);
    /// assert_eq!(mistaken.check().len(), 3);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<ConnectError> {
        /// Less would hold next to nothing.
        const LEAST: u64 = 64 * 1_024;
        let wrong = |reason: &str| ConnectError::Folder {
            path: self.path.display().to_string(),
            reason: reason.to_owned(),
        };
        let mut mistakes = self.keyspace.check();
        if self.path.as_os_str().is_empty() {
            mistakes.push(wrong("it has no name: give a path"));
        }
        if self.max_size.is_some_and(|size| size < LEAST) {
            mistakes.push(wrong("`max_size` is below 64 KiB"));
        }
        mistakes
    }

    /// Whether both would keep entries in the same place: in the same folder, with the same prefix and
    /// version. Paths are taken as they are written.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        let place = |builder: &Self| (builder.path.clone(), builder.keyspace.base());
        place(self) == place(other)
    }

    /// Makes the folder if it is not there, and checks that it can be written to. With a limit on its
    /// size, it is gone through once.
    ///
    /// # Errors
    /// [`ConnectError`]; with [`start_degraded`](Self::start_degraded) not for a folder that cannot be
    /// used.
    pub async fn connect(self) -> Result<FileStore, ConnectError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let boot = match self.keeps_over_reboots {
            true => boot::KEPT.to_owned(),
            false => boot::folder(),
        };
        let name = format!("file://{}", self.path.display());
        let folder = Folder {
            root: self.path,
            base: format!("{}/{boot}", self.keyspace.base()),
            longest: longest_object(self.max_entry_size),
        };
        let has_limit = self.max_size.is_some();
        let room = self.max_size.map(Room::new);
        let store = FileStore::new(name, folder, room, self.clock, self.max_entry_size);
        let greeted = match store.ping().await {
            // To learn how much room is used.
            Ok(()) if has_limit => store.cleanup_expired().await.map(drop),
            greeted => greeted,
        };
        match greeted {
            Err(error) if !self.start_degraded => Err(error.into()),
            _ => Ok(store),
        }
    }
}
