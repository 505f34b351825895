//! Entries with all that is known of them, one by one and in pages.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::get::WHOLE_AT_ONCE;
use super::{Backend, Cache};
use crate::clock::{Clock, unix_time};
use crate::error::{Error, StoreError};
use crate::key::{Key, Pattern};
use crate::memory::{AnyResident, Memory};
use crate::remote::{Budget, Found, Remote, STEP, Walk};
use crate::store::{Part, Usage};
use crate::tag::Tag;
use crate::value::Value;

/// A value with all that is known of its entry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry<T> {
    /// What the entry is called.
    pub key: Key,
    /// The value.
    pub value: T,
    /// The tags that it carries.
    pub tags: Vec<Tag>,
    /// When it was stored, by the clock of the process that did: to the millisecond in a store, to a
    /// few in process memory.
    pub created_at: SystemTime,
    /// When it expires; `None` for never.
    pub expires_at: Option<SystemTime>,
    /// How often it was read. Exact in process memory. In a store what the server knows: Redis has an
    /// estimate from 0 to 255 that grows slower and slower, for comparing entries, and only under a
    /// `maxmemory-policy` of least frequent use; `None` otherwise.
    pub hit_count: Option<u64>,
    /// When it was last read; when it was stored, if never. In a store what the server knows: Redis
    /// to the second, counting what goes through entries (lists, counts, surveys) as reading, and not
    /// under a `maxmemory-policy` of least frequent use; `None` otherwise.
    pub last_accessed: Option<SystemTime>,
    clock: Clock,
}

impl<T> Entry<T> {
    /// Whether the entry has expired since it was read.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= self.now())
    }

    /// How long the entry may still be used; `None` for ever.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        let expires_at = self.expires_at?;
        Some(expires_at.duration_since(self.now()).unwrap_or_default())
    }

    fn now(&self) -> SystemTime {
        unix_time(self.clock.unix_millis())
    }
}

/// How many steps a page takes through a store before it is given, full or not.
const MOST_STEPS: usize = 100;

/// Some entries, and where to go on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page<T> {
    /// At most as many as were asked for. Fewer, even none, do not mean the end.
    pub entries: Vec<Entry<T>>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Where a page of entries begins. As text it has only letters, digits, `-` and `_`; on Redis it holds
/// a few keys, and is as long as they are.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(Place);

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Place {
    /// Behind this key, in their order: it does not matter what is stored and removed meanwhile.
    Behind(String),
    /// At a store's own place, with the keys that it gave and that did not fit on the page.
    Store {
        at: Option<String>,
        waiting: Vec<String>,
    },
}

impl Cache {
    /// The value of `key` with all that is known of its entry, if there is a usable one of type `T`.
    /// Does not count as a hit.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set("user:7", &"Ada".to_owned()).tags(["users"]).await?;
    /// cache.get::<String>("user:7").await?;
    /// let entry = cache.entry::<String>("user:7").await?.expect("it was set");
    /// assert_eq!(entry.value, "Ada");
    /// assert_eq!(entry.hit_count, Some(1));
    /// assert!(!entry.is_expired());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn entry<T: Value>(&self, key: impl Into<Key>) -> Result<Option<Entry<T>>, Error> {
        let key = key.into();
        match &self.shared.backend {
            Backend::Off => Ok(None),
            Backend::Memory(memory) => {
                let entry = memory.peek_value(key.qualified());
                Ok(entry.and_then(|entry| self.resident_entry(key, &entry)))
            }
            Backend::Remote(remote) => {
                // Before the entry is read, which a server may count.
                let mut budget = remote.budget();
                let keys = std::slice::from_ref(&key);
                let usage = self.usage(remote, keys, &mut budget).await?;
                let Some(found) = self.find_within(remote, &key, &mut budget).await? else {
                    return Ok(None);
                };
                let usage = usage.into_iter().next().unwrap_or_default();
                Ok(self.found_entry(key, &found, usage))
            }
        }
    }

    /// The entries of type `T` whose keys match, at most `size` (and at least one place) at a time,
    /// beginning `after` an earlier page. Pages are in the order of keys in process memory, in none
    /// elsewhere.
    ///
    /// A cursor stays good whatever is stored and removed meanwhile: every entry that is there all
    /// the time turns up. On Redis an entry may turn up on two pages if the server shrinks its table
    /// meanwhile.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set_many((0..25).map(|id| (format!("user:{id}"), id))).await?;
    /// let mut seen = 0;
    /// let mut page = cache.entries::<i32>("user:*", None, 10).await?;
    /// loop {
    ///     seen += page.entries.len();
    ///     let Some(next) = &page.next else { break };
    ///     page = cache.entries("user:*", Some(next), 10).await?;
    /// }
    /// assert_eq!(seen, 25);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`], also where the store cannot go through its keys; [`Error::Cursor`] for a
    /// cursor of another cache's pages.
    pub async fn entries<T: Value>(
        &self,
        pattern: impl Into<Pattern>,
        after: Option<&Cursor>,
        size: usize,
    ) -> Result<Page<T>, Error> {
        let pattern = pattern.into();
        let size = size.max(1);
        match &self.shared.backend {
            Backend::Off => Ok(Page {
                entries: Vec::new(),
                next: None,
            }),
            Backend::Memory(memory) => {
                let behind = match after {
                    None => None,
                    Some(Cursor(Place::Behind(key))) => Some(key.as_str()),
                    Some(Cursor(Place::Store { .. })) => return Err(Error::Cursor),
                };
                Ok(self.page_of_memory(memory, &pattern, behind, size))
            }
            Backend::Remote(remote) => {
                remote.can_scan()?;
                let (walk, waiting) = match after {
                    None => (Walk::Beginning, VecDeque::new()),
                    Some(Cursor(Place::Store { at, waiting })) => (
                        at.clone().map_or(Walk::Ended, Walk::At),
                        // From outside: only what the pattern means.
                        waiting
                            .iter()
                            .filter(|key| pattern.matches_qualified(key))
                            .filter_map(|key| Key::from_qualified(key))
                            .collect(),
                    ),
                    Some(Cursor(Place::Behind(_))) => return Err(Error::Cursor),
                };
                self.page_of_store(remote, &pattern, walk, waiting, size)
                    .await
            }
        }
    }

    fn page_of_memory<T: Value>(
        &self,
        memory: &Memory,
        pattern: &Pattern,
        behind: Option<&str>,
        size: usize,
    ) -> Page<T> {
        // The first `size` in the order of keys, and one more to know whether there is one: the
        // largest key on top gives way.
        let mut first: BinaryHeap<ByKey> = BinaryHeap::new();
        for entry in memory.parts().flatten() {
            if behind.is_none_or(|behind| behind < &*entry.key)
                && pattern.matches_qualified(&entry.key)
                && entry.holds::<T>()
                && memory.has_value(&entry)
            {
                first.push(ByKey(entry));
                if first.len() > size.saturating_add(1) {
                    first.pop();
                }
            }
        }
        let mut first = first.into_sorted_vec();
        let has_more = first.len() > size;
        first.truncate(size);
        let next = first.last().filter(|_| has_more);
        let next = next.map(|last| Cursor(Place::Behind(last.0.key.to_string())));
        let entries = first
            .iter()
            .filter_map(|ByKey(entry)| self.resident_entry(Key::from_qualified(&entry.key)?, entry))
            .collect();
        Page { entries, next }
    }

    async fn page_of_store<T: Value>(
        &self,
        remote: &Remote,
        pattern: &Pattern,
        mut walk: Walk,
        mut waiting: VecDeque<Key>,
        size: usize,
    ) -> Result<Page<T>, Error> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        // Twice as many in each step, so that few among many others take few steps.
        let mut about = size.clamp(10, STEP);
        let mut steps = 0;
        while entries.len() < size && (steps < MOST_STEPS || !waiting.is_empty()) {
            let wanted = (size - entries.len()).min(WHOLE_AT_ONCE);
            if waiting.is_empty() {
                let step = walk
                    .step(remote, pattern, about, &mut remote.budget())
                    .await;
                let keys = match step {
                    Err(StoreError::Cursor { .. }) => return Err(Error::Cursor),
                    step => self.counted(remote, step)?,
                };
                let Some(keys) = keys else {
                    break;
                };
                steps += 1;
                about = (about * 2).min(STEP);
                waiting.extend(keys.into_iter().filter(|key| seen.insert(key.clone())));
                continue;
            }
            let keys: Vec<Key> = waiting.drain(..wanted.min(waiting.len())).collect();
            let usage = self.usage(remote, &keys, &mut remote.budget()).await?;
            let found = self.find_many_in(remote, &keys, Part::Whole).await?;
            entries.extend(
                keys.into_iter()
                    .zip(found)
                    .zip(usage)
                    .filter_map(|((key, found), usage)| self.found_entry(key, &found?, usage)),
            );
        }
        let at = match walk {
            Walk::At(cursor) => Some(cursor),
            Walk::Beginning | Walk::Ended => None,
        };
        let next = (at.is_some() || !waiting.is_empty()).then(|| {
            Cursor(Place::Store {
                at,
                waiting: waiting
                    .iter()
                    .map(|key| key.qualified().to_owned())
                    .collect(),
            })
        });
        Ok(Page { entries, next })
    }

    async fn usage(
        &self,
        remote: &Remote,
        keys: &[Key],
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Usage>, Error> {
        let names: Vec<String> = keys.iter().map(|key| key.qualified().to_owned()).collect();
        let usage = budget.spend(remote.store.usage(&names)).await;
        let mut usage = self.counted(remote, usage)?;
        usage.resize(keys.len(), Usage::default());
        Ok(usage)
    }

    fn resident_entry<T: Value>(&self, key: Key, entry: &AnyResident) -> Option<Entry<T>> {
        let clock = &self.shared.clock;
        let left = entry.expires_at.get().since(clock.tick());
        let now = unix_time(clock.unix_millis());
        Some(Entry {
            value: entry.value()?,
            tags: tags(&key, entry.held.scopes()),
            key,
            created_at: clock.time_of(entry.created_at),
            expires_at: left.map(|left| now + left),
            hit_count: Some(entry.hits()),
            last_accessed: Some(clock.time_of(entry.accessed_at())),
            clock: clock.clone(),
        })
    }

    fn found_entry<T: Value>(&self, key: Key, found: &Found, usage: Usage) -> Option<Entry<T>> {
        let now = unix_time(self.shared.clock.unix_millis());
        let expires_at = found.meta.times.expires_at;
        Some(Entry {
            value: super::store_load::read(found).ok()?,
            tags: tags(&key, found.scopes().iter().map(String::as_str)),
            key,
            created_at: unix_time(found.meta.times.created_at),
            expires_at: (expires_at != 0).then(|| unix_time(expires_at)),
            hit_count: usage.hits,
            last_accessed: usage.idle.and_then(|idle| now.checked_sub(idle)),
            clock: self.shared.clock.clone(),
        })
    }
}

/// The tags among an entry's scopes, without the one of the key's own name that stands in for none.
fn tags<'s>(key: &Key, scopes: impl Iterator<Item = &'s str>) -> Vec<Tag> {
    let tags: Vec<Tag> = scopes.filter_map(Tag::from_scope).collect();
    match &tags[..] {
        [own] if key.namespace().is_some() && own.as_str() == key.as_str() => Vec::new(),
        _ => tags,
    }
}

/// An entry in the order of its key.
struct ByKey(AnyResident);

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = postcard::to_stdvec(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({self})")
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    /// [`Error::Cursor`] for a text that no page gave.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Cursor)?;
        match postcard::take_from_bytes(&bytes) {
            Ok((place, [])) => Ok(Self(place)),
            _ => Err(Error::Cursor),
        }
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}
