//! A folder of blobs: everything that blocks.
//!
//! A blob is read without a lock, because it is replaced as a whole: by a rename. Whoever writes holds
//! the lock of the blob's stripe from the comparison to the rename. The bytes go to a file of that
//! stripe first; if the process ends in between, the next writer of the stripe begins it anew, so
//! nothing is left over that would have to be looked for.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use larder_core::blobs::{Name, When};
use larder_core::store::Nonce;

use super::boot::BOOT;
use super::lock::lock;
use super::place::Place;
use crate::blob::{self, FIXED, Head, Peeked};

/// A file as it was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Empty for what is too long, and for what is no file.
    pub(super) bytes: Vec<u8>,
    /// `None` for what is none of ours.
    pub(super) version: Option<Nonce>,
}

/// The head of a file, and what the system says of it.
#[derive(Debug)]
pub(super) struct Looked {
    /// `None` for what is none of ours.
    pub(super) head: Option<Head>,
    pub(super) version: Option<Nonce>,
    pub(super) metadata: Metadata,
}

/// How the size of a folder changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Whether it was done.
    pub(super) is_done: bool,
    /// How long the file was that is no longer there.
    pub(super) replaced: u64,
}

/// A folder of blobs.
#[derive(Debug)]
pub(super) struct Folder {
    /// Where the operating system finds it. May be reached by symbolic links.
    pub(super) root: PathBuf,
    /// The part of it that is ours. No symbolic link below leads out of the root.
    pub(super) base: String,
    /// How long a file of ours is at most.
    pub(super) longest: u64,
}

impl Folder {
    /// Opens the folder, and makes it if it is not there. It is opened at each call, so somebody may
    /// clear it, or move it away, at any time.
    pub(super) fn open(&self) -> Result<Dir> {
        let root = match Dir::open_ambient_dir(&self.root, ambient_authority()) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_root(&self.root)?;
                Dir::open_ambient_dir(&self.root, ambient_authority())?
            }
            root => root?,
        };
        match root.open_dir(&self.base) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                root.create_dir_all(&self.base)?;
                root.open_dir(&self.base)
            }
            base => base,
        }
    }

    /// Fails unless files can be written here, and locked.
    pub(super) fn check_writable(&self) -> Result<()> {
        let base = self.open()?;
        let _lock = lock(&base, &lock_path(0))?;
        let draft = draft_path(0);
        write_draft(&base, &draft, &[])?;
        base.remove_file(draft)
    }

    /// Removes what other starts of the machine have left.
    pub(super) fn remove_other_boots(&self) -> Result<()> {
        let (above, ours) = self.base.rsplit_once('/').unwrap_or(("", &self.base));
        let root = Dir::open_ambient_dir(&self.root, ambient_authority())?;
        let above = root.open_dir(above)?;
        for entry in above.entries()? {
            let name = entry?.file_name();
            let is_other = |name: &str| name.starts_with(BOOT) && name != ours;
            if name.to_str().is_some_and(is_other) {
                match above.remove_dir_all(&name) {
                    // Another process removes it, too.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    /// The blob of this name, whatever is in it.
    pub(super) fn read(&self, base: &Dir, name: Name<'_>) -> Result<Option<Found>> {
        let path = Place::of(name).path();
        let Some(file) = open_file(base, &path)? else {
            return Ok(None);
        };
        let Some((file, metadata)) = file.regular()? else {
            return Ok(Some(Found {
                bytes: Vec::new(),
                version: None,
            }));
        };
        // A file that grows meanwhile is none of ours either.
        let (wanted, is_too_long) = match metadata.len() {
            length if length > self.longest => (FIXED as u64, true),
            length => (length, false),
        };
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        (&file).take(wanted).read_to_end(&mut bytes)?;
        let version = blob::version(&bytes);
        if is_too_long {
            bytes.clear();
        }
        Ok(Some(Found { bytes, version }))
    }

    /// Writes a blob, if what `when` says is there.
    pub(super) fn write(
        &self,
        base: &Dir,
        name: Name<'_>,
        bytes: &[u8],
        when: When<Option<Nonce>>,
    ) -> Result<Change> {
        let place = Place::of(name);
        let _lock = lock(base, &lock_path(place.stripe()))?;
        let there = look(base, &place, FIXED)?;
        let is_met = match (when, &there) {
            (When::Anything, _) | (When::Absent, None) => true,
            (When::Is(version), Some(there)) => there.version == version,
            (When::Absent, Some(_)) | (When::Is(_), None) => false,
        };
        if !is_met {
            return Ok(Change::default());
        }
        let draft = draft_path(place.stripe());
        let written = write_draft(base, &draft, bytes).and_then(|()| {
            let path = place.path();
            in_its_folder(base, &path, || base.rename(&draft, base, &path))
        });
        if written.is_err() {
            // The room that it takes is what may be missing. The next writer would remove it, too.
            let _ = base.remove_file(&draft);
        }
        written.map(|()| Change {
            is_done: true,
            replaced: there.map_or(0, |there| there.metadata.len()),
        })
    }

    /// Removes a blob, if it looks as it must.
    pub(super) fn remove(
        &self,
        base: &Dir,
        place: &Place,
        must: impl FnOnce(&Looked) -> bool,
    ) -> Result<Change> {
        let _lock = lock(base, &lock_path(place.stripe()))?;
        let Some(there) = look(base, place, FIXED + PEEKED)?.filter(must) else {
            return Ok(Change::default());
        };
        match base.remove_file(place.path()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A folder in the place of a file is no blob, and is left alone.
            Err(_) if there.metadata.is_dir() => {}
            Err(error) => return Err(error),
        }
        Ok(Change {
            is_done: true,
            replaced: there.metadata.len(),
        })
    }
}

/// How many bytes of a name are read with the head at first.
const PEEKED: usize = 1_024;

/// The first bytes of a blob, and of them as much as its name has.
pub(super) fn look(base: &Dir, place: &Place, about: usize) -> Result<Option<Looked>> {
    let path = place.path();
    let Some(file) = open_file(base, &path)? else {
        return Ok(None);
    };
    let Some((file, metadata)) = file.regular()? else {
        let metadata = base.symlink_metadata(&path)?;
        return Ok(Some(Looked {
            head: None,
            version: None,
            metadata,
        }));
    };
    let mut bytes = Vec::new();
    (&file).take(about as u64).read_to_end(&mut bytes)?;
    let mut peeked = blob::peek(&bytes);
    if let Peeked::Needs(length) = peeked
        && about > FIXED
    {
        let more = (length - bytes.len()) as u64;
        (&file).take(more).read_to_end(&mut bytes)?;
        peeked = blob::peek(&bytes);
    }
    Ok(Some(Looked {
        head: match peeked {
            Peeked::Head(head) => Some(head),
            Peeked::Needs(_) | Peeked::Foreign => None,
        },
        version: blob::version(&bytes),
        metadata,
    }))
}

/// Does what needs the folder of `path`, and makes that folder if it is missing.
pub(super) fn in_its_folder<T>(base: &Dir, path: &str, work: impl Fn() -> Result<T>) -> Result<T> {
    match work() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (folder, _) = path.rsplit_once('/').unwrap_or(("", path));
            base.create_dir_all(folder)?;
            work()
        }
        done => done,
    }
}

/// A pipe in the place of a file must not hold up whoever opens it.
#[cfg(unix)]
pub(super) fn without_waiting(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt as _;

    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
}

#[cfg(not(unix))]
pub(super) fn without_waiting(_: &mut OpenOptions) {}

/// What was opened: a file, or something else that cannot be one of ours.
enum Opened {
    File(File),
    Other,
}

impl Opened {
    fn regular(self) -> Result<Option<(File, Metadata)>> {
        let Self::File(file) = self else {
            return Ok(None);
        };
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then_some((file, metadata)))
    }
}

fn open_file(base: &Dir, path: &str) -> Result<Option<Opened>> {
    let mut options = OpenOptions::new();
    options.read(true);
    without_waiting(&mut options);
    match base.open_with(path, &options) {
        Ok(file) => Ok(Some(Opened::File(file))),
        Err(error) => match base.symlink_metadata(path) {
            // A link that leads nowhere, or out of the folder; a socket.
            Ok(metadata) if !metadata.is_file() => Ok(Some(Opened::Other)),
            // Also if it is there by now.
            _ if error.kind() == ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        },
    }
}

fn write_draft(base: &Dir, draft: &str, bytes: &[u8]) -> Result<()> {
    match base.remove_file(draft) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    // A new file: nothing that lies there is written through.
    options.write(true).create_new(true);
    let mut file = in_its_folder(base, draft, || base.open_with(draft, &options))?;
    file.write_all(bytes)
}

fn lock_path(stripe: usize) -> String {
    format!("locks/{stripe:02}")
}

fn draft_path(stripe: usize) -> String {
    format!("drafts/{stripe:02}")
}

/// Only this user may look into a folder that larder makes.
fn make_root(root: &std::path::Path) -> Result<()> {
    if root.as_os_str().is_empty() {
        return Err(Error::from(ErrorKind::InvalidInput));
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(root)
}
