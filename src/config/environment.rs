//! The environment: `LARDER__CACHES__SESSIONS__TTL`, and the short names for the default cache.

use std::collections::BTreeMap;
use std::ffi::OsString;

use larder_core::LayerName;

use super::file::{self, no_layer};
use super::key::{self, Key};
use super::mistake::{Mistakes, Place};
use super::nearest::{nearest, shown};
use super::setting::{Rank, Said, Source, is_name};
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
    pub(super) fn read(&self, mistakes: &mut Mistakes) -> Source {
        for (name, near) in self.near_misses() {
            tracing::warn!("{name} is set, but larder has no such variable: did you mean {near}?");
        }
        let mut source = Source::new();
        let redis_url = ("REDIS_URL", "uri", Rank::Fallback);
        let short = SHORT.map(|(variable, key)| (variable, key, Rank::ShortVariable));
        for (variable, name, rank) in short.into_iter().chain([redis_url]) {
            // Every name in the table is a key's.
            let Some((key, word)) = key::named(name) else {
                continue;
            };
            let of = Of {
                layer: None,
                key,
                word,
            };
            if let Some(said) = self.setting(variable, of, rank, mistakes) {
                source.entry("default".to_owned()).or_default().push(said);
            }
        }
        for name in self.variables.keys().filter(|name| name.starts_with(LONG)) {
            let long = match long_name(name) {
                Ok(long) => long,
                Err(problem) => {
                    mistakes.note_hiding(&Place::Variable(name.clone()), || problem);
                    continue;
                }
            };
            let of = match long.layer.and_then(|layer| key_of(name, layer, long.word)) {
                Ok(of) => of,
                Err(problem) => {
                    // The cache is known by name, whatever is wrong with the rest.
                    source.entry(long.cache).or_default();
                    mistakes.note(&Place::Variable(name.clone()), || problem);
                    continue;
                }
            };
            let Some(said) = self.setting(name, of, Rank::Variable, mistakes) else {
                continue;
            };
            let others = source.entry(long.cache).or_default();
            let is_twin = |other: &&Said| {
                (other.layer, other.key, other.rank) == (said.layer, said.key, said.rank)
            };
            if let Some(twin) = others.iter().find(is_twin) {
                mistakes.note(&said.place, || {
                    format!("{} says the same: leave one of them out", twin.place)
                });
            }
            others.push(said);
        }
        source
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

    fn setting(&self, variable: &str, of: Of, rank: Rank, mistakes: &mut Mistakes) -> Option<Said> {
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
            Ok(Some(text)) => (of.key.read)(&Value::Variable(text.trim().to_owned()))
                .map_err(|problem| format!("`{}` {problem}", of.word)),
            Err(problem) => Err(format!("the variable {problem}")),
        };
        let setting = read
            .map_err(|problem| mistakes.note(&place, || problem))
            .ok();
        Some(Said {
            layer: of.layer,
            key: of.key.name,
            word: of.word,
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

/// What a variable speaks of.
#[derive(Clone, Copy)]
struct Of {
    layer: Option<LayerName>,
    key: &'static Key,
    word: &'static str,
}

/// What the name of a variable says.
struct LongName<'a> {
    cache: String,
    /// The layer, or what is wrong with its name.
    layer: Result<Option<LayerName>, String>,
    /// The word for a key.
    word: &'a str,
}

// Input:  LARDER__CACHES__SESSIONS__LAYERS__L2__TTL
// Output: sessions, L2, TTL
fn long_name(name: &str) -> Result<LongName<'_>, String> {
    let (path, word) = name
        .strip_prefix(CACHES)
        .and_then(|path| path.rsplit_once("__"))
        .unwrap_or_default();
    let path = path.to_ascii_lowercase();
    let (cache, layer) = match path.rsplit_once("__layers__") {
        Some((cache, layer)) => {
            let none = |none| no_layer(&layer.to_ascii_uppercase(), none);
            (cache, layer.parse().map(Some).map_err(none))
        }
        None => (path.as_str(), Ok(None)),
    };
    if is_name(cache) && !cache.ends_with("__layers") {
        Ok(LongName {
            cache: cache.to_owned(),
            layer,
            word,
        })
    } else {
        Err(format!(
            "there is no such variable: they look like `{CACHES}SESSIONS__TTL`"
        ))
    }
}

/// The key that a long name ends with.
fn key_of(name: &str, layer: Option<LayerName>, word: &str) -> Result<Of, String> {
    let key = word.to_ascii_lowercase();
    if let Some((key, word)) = key::named(&key) {
        return Ok(Of { layer, key, word });
    }
    let unknown = format!("unknown key `{}`", shown(word));
    Err(match key::nearest(&key, layer) {
        Some(near) => {
            let path = &name[..name.len() - word.len()];
            format!(
                "{unknown}: did you mean `{path}{}`?",
                near.to_ascii_uppercase()
            )
        }
        None => {
            let known: Vec<&str> = key::names(layer).collect();
            format!(
                "{unknown}; known: {}",
                known.join(", ").to_ascii_uppercase()
            )
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
