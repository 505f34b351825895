//! The address that is said to a store's adapter.

use super::mistake::Mistakes;
use super::setting::{Provider, Said};
use super::store::Asked;

impl<'a> Asked<'a> {
    /// Its address, unless there is none that fits, which is noted.
    pub(super) fn address(&self, example: &str, mistakes: &mut Mistakes) -> Option<&'a Said> {
        let said = ["uri", "urls"].into_iter().filter_map(|key| self.said(key));
        let Some(address) = said.max_by_key(|said| said.rank) else {
            let word = match self.whereabouts.layer {
                Some(_) => "url",
                None => "uri",
            };
            self.note_missing(word, example, mistakes);
            return None;
        };
        for uri in address.uris() {
            let theirs = match uri.provider() {
                Some(theirs) => theirs,
                None if self.provider == Provider::Http => Provider::Http,
                // Noted already.
                None => return None,
            };
            if self.takes(theirs) {
                continue;
            }
            mistakes.note(&address.place, || match theirs {
                Provider::RedisCluster => format!(
                    "`{}` has several nodes: `{}` is then `redis-cluster`",
                    address.word, self.whereabouts.word
                ),
                Provider::Memory => self.mismatch(address, "process memory's"),
                other => self.mismatch(address, &format!("`{}`'s", other.name())),
            });
            return None;
        }
        // What could not be understood is noted already.
        address.setting.as_ref().map(|_| address)
    }

    fn takes(&self, theirs: Provider) -> bool {
        // One node of a cluster tells of the others.
        let is_node = self.provider == Provider::RedisCluster && theirs == Provider::Redis;
        theirs == self.provider || is_node
    }

    fn mismatch(&self, address: &Said, whose: &str) -> String {
        format!(
            "`{}` is {whose}, but `{}` is `{}`: leave one of them out",
            address.word,
            self.whereabouts.word,
            self.provider.name()
        )
    }
}
