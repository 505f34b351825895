//! How much room the entries take, and making more of it.

use std::io::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use cap_std::fs::Dir;
use larder_core::store::Nonce;

use super::folder::{Folder, look};
use super::place::Place;
use super::tree::places;
use crate::blob::FIXED;
use crate::keyspace::{GENERATIONS, SLOTS};

/// Files take whole blocks on most disks.
const BLOCK: u64 = 4_096;

/// What is left after room was made, in tenths of what may be there: so it need not be made at once
/// again.
const LEFT_IN_TENTHS: u64 = 9;

/// After a share of what may be there was written, the folder is gone through again: other processes
/// write, too.
const SHARE: u64 = 8;

/// How many bytes the entries may take, and how many they do.
#[derive(Debug)]
pub(super) struct Room {
    most: u64,
    used: Mutex<Used>,
    /// Who goes through the folder.
    walking: Mutex<()>,
}

/// Counted, not measured. What is uncertain counts as used.
#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    /// Of them, those whose files may not be there yet.
    pending: u64,
    /// How much was added since somebody began to go through the folder.
    added: u64,
}

impl Room {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            used: Mutex::default(),
            walking: Mutex::default(),
        }
    }

    /// How many bytes may be there.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Takes room for a file of this length, and makes it first if there is not enough.
    pub(super) fn take(
        &self,
        folder: &Folder,
        base: &Dir,
        length: u64,
        now: SystemTime,
    ) -> Result<Taken<'_>> {
        let length = blocks(length);
        let walking = match self.walking.try_lock() {
            Ok(walking) => Some(walking),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        };
        let is_due = self.used().added >= self.most / SHARE;
        if !self.fits(length) || (is_due && walking.is_some()) {
            // Others that find no room wait here, and find it afterwards.
            let walking = walking.unwrap_or_else(|| locked(&self.walking));
            if is_due || !self.fits(length) {
                self.measure(folder, base, length, now)?;
            }
            drop(walking);
        }
        let mut used = self.used();
        used.bytes += length;
        used.pending += length;
        used.added += length;
        Ok(Taken {
            room: self,
            length,
            is_written: false,
        })
    }

    /// Goes through the folder to learn how much is used, and removes what has ended. How many files.
    pub(super) fn survey(&self, folder: &Folder, base: &Dir, now: SystemTime) -> Result<u64> {
        let _walking = locked(&self.walking);
        self.measure(folder, base, 0, now)
    }

    /// A file of this length is gone.
    pub(super) fn release(&self, length: u64) {
        let mut used = self.used();
        used.bytes = used.bytes.saturating_sub(blocks(length));
    }

    fn fits(&self, length: u64) -> bool {
        self.used().bytes.saturating_add(length) <= self.most
    }

    /// Counts what is there. Removes what has ended, and the oldest entries as well if there is no
    /// room for `length` bytes more.
    fn measure(&self, folder: &Folder, base: &Dir, length: u64, now: SystemTime) -> Result<u64> {
        let pending = {
            let mut used = self.used();
            used.added = 0;
            used.pending
        };
        let mut walk = walk(folder, base, now)?;
        if walk.bytes.saturating_add(length) > self.most {
            let left = (self.most / 10 * LEFT_IN_TENTHS).saturating_sub(length);
            walk.remove_oldest(folder, base, left)?;
        }
        let mut used = self.used();
        // Files that came while this went through the folder may be in the sum or not.
        used.bytes = walk.bytes + pending + used.added;
        Ok(walk.removed)
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        locked(&self.used)
    }
}

/// Room for a file that is about to be written. Given back if it was not.
#[derive(Debug)]
pub(super) struct Taken<'r> {
    room: &'r Room,
    length: u64,
    is_written: bool,
}

impl Taken<'_> {
    /// The file is there, in place of one of this length.
    pub(super) fn written(mut self, replaced: u64) {
        self.is_written = true;
        self.room.release(replaced);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut used = self.room.used();
        used.pending = used.pending.saturating_sub(self.length);
        if !self.is_written {
            used.bytes = used.bytes.saturating_sub(self.length);
        }
    }
}

/// What lies in a folder.
#[derive(Debug, Default)]
struct Walk {
    /// How many files were removed because their time was over, or because nothing can be read there.
    removed: u64,
    /// How many bytes the entries take that are left.
    bytes: u64,
    entries: Vec<Entry>,
}

/// The oldest come first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    written_at: SystemTime,
    place: Place,
    bytes: u64,
    version: Option<[u8; 16]>,
}

/// Removes what has ended. How many files.
pub(super) fn clean_up(folder: &Folder, base: &Dir, now: SystemTime) -> Result<u64> {
    Ok(walk(folder, base, now)?.removed)
}

/// Goes through all files, removes those whose time is over, and those that are none of ours although
/// they lie where ours do: half a file after a power cut, for example.
fn walk(folder: &Folder, base: &Dir, now: SystemTime) -> Result<Walk> {
    folder.remove_other_boots()?;
    let mut walk = Walk::default();
    for name in [SLOTS, GENERATIONS] {
        for twig in 0..=u8::MAX {
            for place in places(base, name, twig)? {
                walk.visit(folder, base, place, name == SLOTS, now)?;
            }
        }
    }
    Ok(walk)
}

impl Walk {
    fn visit(
        &mut self,
        folder: &Folder,
        base: &Dir,
        place: Place,
        is_entry: bool,
        now: SystemTime,
    ) -> Result<()> {
        let Some(looked) = look(base, &place, FIXED + 1_024)? else {
            return Ok(());
        };
        let is_over =
            |head: Option<&crate::blob::Head>| head.is_none_or(|head| head.has_ended(now));
        if is_over(looked.head.as_ref()) {
            let removed = folder.remove(base, &place, |there| is_over(there.head.as_ref()))?;
            self.removed += u64::from(removed.is_done);
        } else if is_entry {
            let bytes = blocks(looked.metadata.len());
            self.bytes += bytes;
            self.entries.push(Entry {
                written_at: looked.metadata.modified()?.into_std(),
                place,
                bytes,
                version: looked.version.map(|Nonce(bytes)| bytes),
            });
        }
        Ok(())
    }

    /// Removes entries until this many bytes are left. One that was written again is no longer old.
    fn remove_oldest(&mut self, folder: &Folder, base: &Dir, left: u64) -> Result<()> {
        self.entries.sort_unstable();
        for entry in &self.entries {
            if self.bytes <= left {
                break;
            }
            let version = entry.version.map(Nonce);
            let removed = folder.remove(base, &entry.place, |there| there.version == version)?;
            if removed.is_done {
                self.bytes -= entry.bytes;
            }
        }
        Ok(())
    }
}

/// How much a file of this length takes.
fn blocks(length: u64) -> u64 {
    length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
