//! What all sources said, put together: which caches there will be, and what does not fit.

use larder_core::CacheBuilder;

use super::connect::cache_builder;
use super::key;
use super::mistake::Mistakes;
use super::nearest::{is_slip, listed, shown};
#[cfg(feature = "redis")]
use super::redis::redis;
use super::setting::{Layer, Provider, Rank, Said, Setting, Uri};

/// A cache that can be made.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) store: Store,
    pub(super) cache: CacheBuilder,
    pub(super) start_degraded: bool,
}

pub(super) enum Store {
    Memory,
    Off,
    #[cfg(feature = "redis")]
    Redis(Box<super::redis::Plan>),
}

/// What all sources say, by cache: always of the default one, too.
pub(super) fn merged(file: &Layer, environment: &Layer, code: &Layer) -> Layer {
    let mut caches = file.clone();
    caches.entry("default".to_owned()).or_default();
    for (name, said) in environment {
        let name = known_as(name, &caches);
        caches.entry(name).or_default().extend_from_slice(said);
    }
    for (name, said) in code {
        caches
            .entry(name.clone())
            .or_default()
            .extend_from_slice(said);
    }
    caches
}

/// The caches. What is wrong with one is noted, and it is left out.
pub(super) fn plan(caches: Layer, mistakes: &mut Mistakes) -> Vec<Plan> {
    caches
        .into_iter()
        .filter_map(|(name, said)| one(name, &Words(said), mistakes))
        .collect()
}

/// What the file calls a cache that a variable speaks of: variables have neither small letters nor
/// `-`.
fn known_as(name: &str, caches: &Layer) -> String {
    let folded = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    if caches.contains_key(name) {
        return name.to_owned();
    }
    let known = caches.keys().find(|known| folded(known) == folded(name));
    known.map_or_else(|| name.to_owned(), String::clone)
}

/// Everything that was said of one cache, by all sources.
struct Words(Vec<Said>);

impl Words {
    /// The last word on a key among these ranks.
    fn last(&self, key: &str, from: Rank, upto: Rank) -> Option<&Said> {
        self.0
            .iter()
            .filter(|said| said.key == key && (from..=upto).contains(&said.rank))
            .max_by_key(|said| said.rank)
    }

    /// The last word on every key.
    fn effective(&self) -> Vec<&Said> {
        key::KEYS
            .iter()
            .filter_map(|key| self.last(key.name, Rank::Fallback, Rank::Code))
            .collect()
    }

    /// Who says where the entries are: the provider or the address, whichever was said later. Said
    /// together, the provider.
    fn whereabouts(&self, from: Rank, upto: Rank) -> Option<&Said> {
        let provider = self.last("provider", from, upto);
        let uri = self.last("uri", from, upto);
        match (provider, uri) {
            (Some(provider), Some(uri)) if uri.rank > provider.rank => Some(uri),
            (provider, uri) => provider.or(uri),
        }
    }
}

impl Said {
    pub(super) fn provider(&self) -> Option<Provider> {
        match self.setting.as_ref()? {
            Setting::Provider(provider) => Some(*provider),
            Setting::Uri(uri) => uri.provider(),
            _ => None,
        }
    }

    pub(super) fn uri(&self) -> Option<&Uri> {
        match self.setting.as_ref()? {
            Setting::Uri(uri) => Some(uri),
            _ => None,
        }
    }
}

fn one(name: String, words: &Words, mistakes: &mut Mistakes) -> Option<Plan> {
    let effective = words.effective();
    let whereabouts = words.whereabouts(Rank::Fallback, Rank::Code);
    for said in &effective {
        if let Some(uri) = said.uri()
            && uri.provider().is_none()
        {
            mistakes.note(&said.place, || no_store(uri, said.is_hidden));
        }
    }
    note_misnamed(&name, words, mistakes);
    note_meaningless(words, mistakes);
    let provider = match whereabouts {
        None => {
            note_nowhere(&effective, mistakes);
            Provider::Memory
        }
        // What could not be understood is noted already.
        Some(said) => said.provider()?,
    };
    let store = match provider {
        Provider::Memory => Store::Memory,
        Provider::Off => Store::Off,
        Provider::Redis => redis(&effective, whereabouts?, mistakes)?,
    };
    let is_degraded = |said: &&Said| said.setting == Some(Setting::StartDegraded(true));
    Some(Plan {
        name,
        store,
        cache: cache_builder(&effective),
        start_degraded: effective.iter().any(is_degraded),
    })
}

fn no_store(uri: &Uri, is_hidden: bool) -> String {
    let begins = match uri.scheme() {
        Some(scheme) if !is_hidden => {
            format!("begins with `{}://`, which is no store", shown(scheme))
        }
        _ => "is no store's address".to_owned(),
    };
    format!("`uri` {begins}: use `redis://`, `rediss://` or `memory`")
}

/// Notes a cache that only variables speak of, if the default one is meant.
fn note_misnamed(name: &str, words: &Words, mistakes: &mut Mistakes) {
    let is_variable = |said: &Said| said.rank == Rank::Variable;
    if let Some(said) = words.0.first()
        && words.0.iter().all(is_variable)
        && is_slip(name, "default")
    {
        mistakes.note(&said.place, || {
            format!("nothing else speaks of a cache `{name}`: did you mean `default`?")
        });
    }
}

/// Notes keys that only a store has a use for, where nobody says which: it would be process memory.
/// What is said in code, or in the short variables that all of one's programs may read, is for
/// wherever the program runs, and may wait for a store.
fn note_nowhere(effective: &[&Said], mistakes: &mut Mistakes) {
    for said in effective {
        let is_stores =
            key::named(said.key).is_some_and(|key| !key.used_by.contains(&Provider::Memory));
        if is_stores && said.setting.is_some() && matches!(said.rank, Rank::File | Rank::Variable) {
            mistakes.note(&said.place, || {
                format!(
                    "`{}` has a meaning only for `redis`, which needs a `uri`, like `redis://localhost:6379/0`",
                    said.key
                )
            });
        }
    }
}

/// Notes keys that the provider has no use for, if who said the key knew the provider: whoever
/// overrides a provider need not take away what was said for the other one. A cache that is switched
/// off keeps what it had.
fn note_meaningless(words: &Words, mistakes: &mut Mistakes) {
    for said in &words.0 {
        let is_whole_source = matches!(said.rank, Rank::File | Rank::Variable);
        let provider = words
            .whereabouts(Rank::File, said.rank)
            .and_then(Said::provider);
        let (Some(provider), Some(key), true) = (provider, key::named(said.key), is_whole_source)
        else {
            continue;
        };
        let names_it = said
            .uri()
            .is_some_and(|uri| uri.provider() == Some(provider));
        if provider != Provider::Off && !key.used_by.contains(&provider) && !names_it {
            let users = listed(key.used_by.iter().map(|provider| provider.name()));
            mistakes.note(&said.place, || {
                format!(
                    "`{}` has no meaning for `{}`, only for {users}: leave it out",
                    key.name,
                    provider.name()
                )
            });
        }
    }
}

#[cfg(not(feature = "redis"))]
fn redis(_: &[&Said], whereabouts: &Said, mistakes: &mut Mistakes) -> Option<Store> {
    mistakes.note(&whereabouts.place, || {
        format!(
            "`{}` wants `redis`, which {}",
            whereabouts.key,
            key::needs_feature("redis")
        )
    });
    None
}
