//! Locks that other processes on the host respect.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};

use cap_std::fs::{Dir, OpenOptions};

/// How often the lock's file may have been replaced by another one while it was waited for.
const TURNS: usize = 16;

/// Waits until this process has the lock called `path`. It is given back when the file is dropped, or
/// when the process ends, however it does. It also keeps other threads out.
pub(super) fn lock(folder: &Dir, path: &str) -> Result<File> {
    for _ in 0..TURNS {
        let file = open(folder, path)?;
        match file.lock() {
            Ok(()) if is_at(folder, path, &file)? => return Ok(file),
            // Somebody cleared the folder: another process would take another file's lock.
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::other(
        "the file of the lock is replaced again and again",
    ))
}

fn open(folder: &Dir, path: &str) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    super::folder::without_waiting(&mut options);
    let file = super::folder::in_its_folder(folder, path, || folder.open_with(path, &options))?;
    Ok(file.into_std())
}

/// Whether this is still the file that is called so.
#[cfg(unix)]
fn is_at(folder: &Dir, path: &str, file: &File) -> Result<bool> {
    use cap_std::fs::MetadataExt as _;
    use std::os::unix::fs::MetadataExt as _;

    let held = file.metadata()?;
    match folder.metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
fn is_at(_: &Dir, _: &str, _: &File) -> Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_lock_keeps_others_out_also_when_the_folder_is_cleared() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = Dir::open_ambient_dir(root.path(), ambient_authority()).expect("it opens");
        let held = lock(&folder, "locks/1").expect("it is free");
        let other = open(&folder, "locks/1").expect("it is there");
        assert!(other.try_lock().is_err(), "somebody has it");
        assert!(is_at(&folder, "locks/1", &held).expect("it can be asked"));

        folder.remove_dir_all("locks").expect("it is cleared");
        assert!(!is_at(&folder, "locks/1", &held).expect("it can be asked"));
        let again = lock(&folder, "locks/1").expect("there is a new one");
        assert!(is_at(&folder, "locks/1", &again).expect("it can be asked"));
    }
}
