//! Where a blob's file is.

use larder_core::blobs::Name;
use xxhash_rust::xxh3::xxh3_128;

use crate::blob::text;
use crate::keyspace::folder;

/// How many locks there are: so many files can be written at once, by all processes together.
pub(super) const STRIPES: usize = 32;

/// A blob's place: one of two folders, and in it a name made from a hash, because a key may have any
/// length and any characters, and some disks do not tell `a` from `A`. The key itself is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    folder: &'static str,
    hash: u128,
}

impl Place {
    pub(super) fn of(name: Name<'_>) -> Self {
        Self {
            folder: folder(name),
            hash: xxh3_128(text(name).as_bytes()),
        }
    }

    /// The place that is called so in `folder`; `None` if none is.
    pub(super) fn parse(folder: &'static str, file: &str) -> Option<Self> {
        let hash = u128::from_str_radix(file, 16).ok()?;
        let place = Self { folder, hash };
        (place.file() == file).then_some(place)
    }

    /// `c4f1…`: 32 digits.
    pub(super) fn file(&self) -> String {
        format!("{:032x}", self.hash)
    }

    /// The file's path: `slots/c4/c4f1…`.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.branch(), self.file())
    }

    /// The folder that the file is in: `slots/c4`, so that no folder has too many files.
    pub(super) fn branch(&self) -> String {
        branch(self.folder, self.twig())
    }

    /// Which of the branches of its folder it is in.
    pub(super) fn twig(&self) -> u8 {
        (self.hash >> 120) as u8
    }

    /// Which lock is taken for it.
    pub(super) fn stripe(&self) -> usize {
        // Other bits than those that choose the branch.
        (self.hash % STRIPES as u128) as usize
    }
}

/// The path of a branch.
pub(super) fn branch(folder: &str, twig: u8) -> String {
    format!("{folder}/{twig:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::SLOTS;

    #[test]
    fn a_file_tells_its_place() {
        for key in [
            "",
            "../../etc/passwd",
            "a\0b",
            "CON",
            "trailing.",
            &"k".repeat(10_000),
        ] {
            let place = Place::of(Name::Slot(key));
            let path = place.path();
            assert!(path.starts_with(SLOTS) && path.len() == 41, "{path}");
            assert!(
                path.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/')
            );
            assert_eq!(Place::parse(SLOTS, &place.file()), Some(place));
            assert_ne!(place, Place::of(Name::Generation(key)));
        }
    }

    #[test]
    fn what_we_would_not_write_is_no_place() {
        let file = Place::of(Name::Slot("a")).file();
        for wrong in [
            "",
            ".",
            "..",
            &file[1..],
            &format!("{file}0"),
            &format!("+{}", &file[1..]),
        ] {
            assert_eq!(Place::parse(SLOTS, wrong), None, "{wrong}");
        }
    }
}
