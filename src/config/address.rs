//! The address that is said to a store's adapter.

use super::mistake::Mistakes;
use super::setting::{Provider, Said};
use super::store::Asked;

impl<'a> Asked<'a> {
    /// Its address, unless there is none that fits, which is noted.
    pub(super) fn address(&self, example: &str, mistakes: &mut Mistakes) -> Option<&'a Said> {
        let rank = |said: &&Said| (said.rank, said.key == "urls");
        let Some(address) = self
            .said("uri")
            .into_iter()
            .chain(self.said("urls"))
            .max_by_key(rank)
        else {
            let word = if self.whereabouts.layer.is_some() {
                "url"
            } else {
                "uri"
            };
            mistakes.note(&self.whereabouts.place, || {
                format!(
                    "`{}` is `{}`, which needs a `{word}`, like `{example}`",
                    self.whereabouts.word,
                    self.provider.name()
                )
            });
            return None;
        };
        // What could not be understood is noted already.
        address.setting.as_ref()?;
        for uri in address.uris() {
            let theirs = match uri.provider() {
                Some(theirs) => theirs,
                None if self.provider == Provider::Http => Provider::Http,
                None => return None,
            };
            if self.takes(theirs, address) {
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
        Some(address)
    }

    fn takes(&self, theirs: Provider, address: &Said) -> bool {
        theirs == self.provider
            // One node tells of the others, and a list has one in each address.
            || (self.provider == Provider::RedisCluster && theirs == Provider::Redis)
            || (self.provider == Provider::RedisCluster && theirs == Provider::RedisCluster && address.key == "uri")
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
