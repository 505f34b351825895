//! What is asked of a store's adapter, and what it says to that.

use std::fmt::Display;
use std::path::Path;

use super::file;
use super::mistake::Mistakes;
use super::setting::{Said, Setting};
use super::store::Asked;

/// All authorities that a system trusts are a quarter of this.
const MOST_CERTIFICATES: u64 = 1024 * 1024;

#[allow(
    dead_code,
    reason = "each adapter uses some, and features choose the adapters"
)]
impl<'a> Asked<'a> {
    /// What is said to a key without which there is no store, unless it is missing, which is noted.
    pub(super) fn needed(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut Mistakes,
    ) -> Option<&'a Setting> {
        match self.said(key) {
            // What could not be understood is noted already.
            Some(said) => said.setting.as_ref(),
            None => {
                self.note_missing(key, example, mistakes);
                None
            }
        }
    }

    pub(super) fn note_missing(&self, key: &str, example: &str, mistakes: &mut Mistakes) {
        mistakes.note(&self.whereabouts.place, || {
            format!(
                "`{}` is `{}`, which needs a `{key}`, like `{example}`",
                self.whereabouts.word,
                self.provider.name()
            )
        });
    }

    /// Notes that one of two keys is there without the other.
    pub(super) fn note_half(&self, one: &str, other: &str, mistakes: &mut Mistakes) {
        let (here, there) = (self.said(one), self.said(other));
        if let (Some(said), None) | (None, Some(said)) = (here, there) {
            let missing = if here.is_some() { other } else { one };
            mistakes.note(&said.place, || {
                format!(
                    "`{}` has no meaning without `{missing}`: say both",
                    said.word
                )
            });
        }
    }

    /// Notes what an adapter finds wrong with a setting: if a variable gave that, only `what`, which
    /// does not show it.
    pub(super) fn note_unusable(
        &self,
        key: &str,
        error: &dyn Display,
        what: &str,
        mistakes: &mut Mistakes,
    ) {
        let said = self.said(key).unwrap_or(self.whereabouts);
        mistakes.note(&said.place, || {
            if said.is_hidden {
                format!(
                    "`{}` {what}; what variables put into it is not shown",
                    said.word
                )
            } else {
                error.to_string()
            }
        });
    }

    /// The certificates or the key in a file, unless it cannot be read, which is noted.
    pub(super) fn pem(&self, said: &Said, path: &Path, mistakes: &mut Mistakes) -> Option<Vec<u8>> {
        file::bytes(path, MOST_CERTIFICATES)
            .map_err(|error| {
                mistakes.note(&said.place, || {
                    format!("`{}` cannot be read: {error}", said.word)
                });
            })
            .ok()
    }
}
