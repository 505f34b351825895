//! Going through a folder of blobs, branch by branch.

use std::io::{ErrorKind, Result};

use cap_std::fs::Dir;

use super::folder::look;
use super::place::{Place, branch};
use crate::blob::FIXED;
use crate::keyspace::Range;

/// How much of a file is read for its name at first.
const PEEKED: usize = FIXED + 1_024;

/// The places of all files in one branch, in their order. Whatever else lies there is left out.
pub(super) fn places(base: &Dir, folder: &'static str, twig: u8) -> Result<Vec<Place>> {
    let path = branch(folder, twig);
    let entries = match base.read_dir(&path) {
        Ok(entries) => entries,
        Err(error) => {
            return match base.symlink_metadata(&path) {
                Ok(metadata) if !metadata.is_dir() => Ok(Vec::new()),
                _ if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
                _ => Err(error),
            };
        }
    };
    let mut places = Vec::new();
    for entry in entries {
        let place = Place::parse(folder, &entry?.file_name().to_string_lossy());
        places.extend(place.filter(|place| place.twig() == twig));
    }
    places.sort_unstable();
    Ok(places)
}

/// About so many keys of a range, behind the file `after`; and the file to go on behind.
pub(super) fn keys(
    base: &Dir,
    range: &Range,
    after: Option<Place>,
    about: usize,
) -> Result<(Vec<String>, Option<Place>)> {
    let mut keys = Vec::new();
    let mut seen = 0;
    for twig in after.map_or(0, |after| after.twig())..=u8::MAX {
        for place in places(base, range.folder, twig)? {
            if after.is_some_and(|after| place <= after) {
                continue;
            }
            let head = look(base, &place, PEEKED)?.and_then(|looked| looked.head);
            keys.extend(head.and_then(|head| range.key(head.name)));
            seen += 1;
            if seen >= about.max(1) {
                return Ok((keys, Some(place)));
            }
        }
    }
    Ok((keys, None))
}
