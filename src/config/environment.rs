//! The environment: `LARDER__CACHES__SESSIONS__TTL`, and the short names for the default cache.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::file;
use super::key::{self, Key};
use super::mistake::{Mistakes, Place};
use super::nearest::{nearest, shown};
use super::setting::{Layer, Rank, Said, is_name};
use super::value::Value;

/// Every variable that belongs to larder alone begins so.
const LONG: &str = "LARDER__";
const CACHES: &str = "LARDER__CACHES__";

/// The short names: the default cache's keys.
const SHORT: [(&str, &str); 7] = [
    ("CACHE_URL", "uri"),
    ("CACHE_PREFIX", "prefix"),
    ("CACHE_VERSION", "version"),
    ("CACHE_TTL_DEFAULT", "ttl"),
    ("CACHE_TTL_SHORT", "ttl_short"),
    ("CACHE_TTL_LONG", "ttl_long"),
    ("CACHE_START_DEGRADED", "start_degraded"),
];

/// The name of one process, which is no cache's and stands in no file that processes share.
const CONSUMER: &str = "CACHE_CONSUMER";

/// The variables of the process, as they were when it was made. Not `Debug`: there are secrets in it.
pub(super) struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, text)| Some((name.into_string().ok()?, text)))
                .collect(),
        }
    }

    /// A variable. An empty one is one that is not set, as container set-ups write it.
    ///
    /// # Errors
    /// What is wrong with it, if it is not text.
    pub(super) fn variable(&self, name: &str) -> Result<Option<&str>, &'static str> {
        let Some(text) = self.variables.get(name) else {
            return Ok(None);
        };
        let text = text.to_str().ok_or("is not UTF-8 text")?;
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    /// What this process is called among those that listen to events.
    pub(super) fn consumer(&self, mistakes: &mut Mistakes) -> Option<String> {
        let text = self.variable(CONSUMER).map_err(|problem| {
            mistakes.note(&Place::Variable(CONSUMER.to_owned()), || {
                format!("the variable {problem}")
            });
        });
        text.ok()?.map(|name| name.trim().to_owned())
    }

    /// What the variables say of caches.
    pub(super) fn read(&self, mistakes: &mut Mistakes) -> Layer {
        for (name, near) in self.near_misses() {
            tracing::warn!("{name} is set, but larder has no such variable: did you mean {near}?");
        }
        let mut layer = Layer::new();
        let redis_url = ("REDIS_URL", "uri", Rank::Fallback);
        let short = SHORT.map(|(variable, key)| (variable, key, Rank::ShortVariable));
        for (variable, name, rank) in short.into_iter().chain([redis_url]) {
            // Every name in the table is a key's.
            let Some(key) = key::named(name) else {
                continue;
            };
            if let Some(said) = self.setting(variable, key, rank, mistakes) {
                layer.entry("default".to_owned()).or_default().push(said);
            }
        }
        for name in self.variables.keys().filter(|name| name.starts_with(LONG)) {
            match long_name(name) {
                Ok((cache, key)) => {
                    let key = match key_of(name, key) {
                        Ok(key) => key,
                        Err(problem) => {
                            // The cache is known by name, whatever is wrong with the key.
                            layer.entry(cache).or_default();
                            mistakes.note(&Place::Variable(name.clone()), || problem);
                            continue;
                        }
                    };
                    let Some(said) = self.setting(name, key, Rank::Variable, mistakes) else {
                        continue;
                    };
                    let others = layer.entry(cache).or_default();
                    let is_twin = |other: &&Said| (other.key, other.rank) == (said.key, said.rank);
                    if let Some(twin) = others.iter().find(is_twin) {
                        mistakes.note(&said.place, || {
                            format!("{} says the same: leave one of them out", twin.place)
                        });
                    }
                    others.push(said);
                }
                Err(problem) => mistakes.note_hiding(&Place::Variable(name.clone()), || problem),
            }
        }
        layer
    }

    /// Variables that are nearly one of ours, and that one. They may be someone else's.
    fn near_misses(&self) -> Vec<(&str, String)> {
        let ours = || {
            SHORT
                .iter()
                .map(|(name, _)| *name)
                .chain([CONSUMER, file::VARIABLE])
        };
        let strangers = self
            .variables
            .keys()
            .filter(|name| !name.starts_with(LONG) && ours().all(|known| known != name.as_str()));
        let near_miss = |name| {
            // What they all begin with makes none of them more alike.
            let (family, word) = str::split_once(name, '_')?;
            let known = ours().filter_map(|known| known.strip_prefix(family)?.strip_prefix('_'));
            Some((name, format!("{family}_{}", nearest(word, known)?)))
        };
        strangers.filter_map(|name| near_miss(name)).collect()
    }

    fn setting(
        &self,
        variable: &str,
        key: &'static Key,
        rank: Rank,
        mistakes: &mut Mistakes,
    ) -> Option<Said> {
        let place = Place::Variable(variable.to_owned());
        let read = match self.variable(variable) {
            Ok(None) => return None,
            // It is also other libraries' variable, so it does not ask for what is not there.
            Ok(Some(_)) if rank == Rank::Fallback && !cfg!(feature = "redis") => {
                tracing::warn!(
                    "REDIS_URL is set, but larder's feature `redis` is off: it is ignored"
                );
                return None;
            }
            Ok(Some(text)) => (key.read)(&Value::Variable(text.trim().to_owned()))
                .map_err(|problem| format!("`{}` {problem}", key.name)),
            Err(problem) => Err(format!("the variable {problem}")),
        };
        let setting = read
            .map_err(|problem| mistakes.note(&place, || problem))
            .ok();
        Some(Said {
            key: key.name,
            setting,
            rank,
            place,
            is_hidden: false,
        })
    }
}

#[cfg(test)]
impl<T: Into<OsString>, const N: usize> From<[(&str, T); N]> for Environment {
    fn from(variables: [(&str, T); N]) -> Self {
        Self {
            variables: variables
                .map(|(name, text)| (name.to_owned(), text.into()))
                .into(),
        }
    }
}

/// The cache and the word for a key that a long name has.
fn long_name(name: &str) -> Result<(String, &str), String> {
    name.strip_prefix(CACHES)
        .and_then(|path| path.rsplit_once("__"))
        .filter(|(cache, _)| is_name(cache))
        .map(|(cache, word)| (cache.to_ascii_lowercase(), word))
        .ok_or_else(|| format!("there is no such variable: they look like `{CACHES}SESSIONS__TTL`"))
}

/// The key that a long name ends with.
fn key_of(name: &str, word: &str) -> Result<&'static Key, String> {
    let key = word.to_ascii_lowercase();
    key::named(&key).ok_or_else(|| {
        let unknown = format!("unknown key `{}`", shown(word));
        match key::nearest(&key) {
            Some(near) => {
                let path = &name[..name.len() - word.len()];
                format!(
                    "{unknown}: did you mean `{path}{}`?",
                    near.to_ascii_uppercase()
                )
            }
            None => {
                let known: Vec<&str> = key::names().collect();
                format!(
                    "{unknown}; known: {}",
                    known.join(", ").to_ascii_uppercase()
                )
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_nearly_ours_are_recognized() {
        let environment = Environment::from([
            ("CACHE_URI", "redis://ada:hunter2@localhost"),
            ("CACHE_TLL_DEFAULT", "5"),
            ("CACHE_TTL", "5"),
            ("LARDER_CONFG", "caches.toml"),
            // These are ours, or nobody knows whose.
            ("CACHE_URL", "memory"),
            ("CACHE_CONSUMER", "one"),
            ("LARDER_CONFIG", "caches.toml"),
            ("LARDER__CACHES__SESSIONS__TTL", "5"),
            ("CACHE_DIR", "/tmp"),
            ("CACHE_", ""),
            ("URI", ""),
            ("PATH", "/bin"),
        ]);
        let near = environment.near_misses();
        let lines: Vec<String> = near
            .iter()
            .map(|(name, near)| format!("{name}: {near}"))
            .collect();
        assert_eq!(
            lines,
            [
                "CACHE_TLL_DEFAULT: CACHE_TTL_DEFAULT",
                "CACHE_TTL: CACHE_TTL_DEFAULT",
                "CACHE_URI: CACHE_URL",
                "LARDER_CONFG: LARDER_CONFIG",
            ]
        );
    }
}
