//! What a cache answers to an operation.

use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use larder::{Cache, Entry, Error, Key, Ttl};

use super::operation::{Life, Operation, key, pattern};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Whether(bool),
    Number(Option<i64>),
    Numbers(Vec<Option<i64>>),
    Count(u64),
    /// Milliseconds; `None` for ever.
    Left(Option<Life>),
    /// Names and namespaces, sorted.
    Keys(Vec<(String, String)>),
    Entry(Option<Seen>),
    /// Sorted.
    Entries(Vec<Seen>),
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    NotANumber,
    Overflow,
    Other(String),
}

/// What an entry says of itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) number: i64,
    pub(crate) tags: Vec<String>,
    /// Milliseconds since the sequence began.
    pub(crate) created_at: u64,
    pub(crate) expires_at: Option<u64>,
}

impl Answer {
    pub(crate) async fn of(cache: &Cache, operation: &Operation, began: SystemTime) -> Self {
        match asked(cache, operation, began).await {
            Ok(answer) => answer,
            Err(Error::NotANumber { .. }) => Self::Failed(Failure::NotANumber),
            Err(Error::Overflow { .. }) => Self::Failed(Failure::Overflow),
            Err(error) => Self::Failed(Failure::Other(error.to_string())),
        }
    }
}

/// The time by a cache's clock: when an entry is made that is made now.
pub(crate) async fn now(cache: &Cache) -> SystemTime {
    cache.set("now", &0_u8).await.expect("it is stored");
    let entry = cache.entry::<u8>("now").await.expect("it answers");
    cache.delete("now").await.expect("it is carried out");
    entry.expect("it is there").created_at
}

async fn asked(cache: &Cache, operation: &Operation, began: SystemTime) -> Result<Answer, Error> {
    use Operation::*;
    Ok(match operation {
        Advance(_) => Answer::Done,
        Get(name) => Answer::Number(cache.get(key(*name)).await?),
        GetMany(names) => {
            Answer::Numbers(cache.get_many(names.iter().map(|name| key(*name))).await?)
        }
        Exists(name) => Answer::Whether(cache.exists(key(*name)).await?),
        Operation::Entry(name) => {
            let entry = cache.entry(key(*name)).await?;
            Answer::Entry(entry.map(|entry| seen(&entry, began)))
        }
        Ttl(name) => Answer::Left(cache.ttl(key(*name)).await?.map(|ttl| match ttl {
            larder::Ttl::For(left) => Some(millis(left)),
            _ => None,
        })),
        Set(name, number, options) => {
            let set = cache.set(key(*name), number);
            set.ttl(ttl(options.life)).tags(&options.tags).await?;
            Answer::Done
        }
        SetText(name, options) => {
            let text = "text".to_owned();
            let set = cache.set(key(*name), &text);
            set.ttl(ttl(options.life)).tags(&options.tags).await?;
            Answer::Done
        }
        SetMany(namespace, values, options) => {
            let set = cache.set_many(values.iter().copied()).namespace(namespace);
            set.ttl(ttl(options.life)).tags(&options.tags).await?;
            Answer::Done
        }
        SetIfAbsent(name, number, options) => {
            let set = cache.set_if_absent(key(*name), number);
            Answer::Whether(set.ttl(ttl(options.life)).tags(&options.tags).await?)
        }
        Load(name, number, options) => {
            let load = cache.load(key(*name), || async { *number });
            Answer::Number(Some(load.ttl(ttl(options.life)).tags(&options.tags).await))
        }
        Increment(name, by, options) => {
            let increment = cache.increment(key(*name), *by);
            Answer::Number(Some(
                increment.ttl(ttl(options.life)).tags(&options.tags).await?,
            ))
        }
        Decrement(name, by, options) => {
            let decrement = cache.decrement(key(*name), *by);
            Answer::Number(Some(
                decrement.ttl(ttl(options.life)).tags(&options.tags).await?,
            ))
        }
        SetTtl(name, life) => Answer::Whether(cache.set_ttl(key(*name), ttl(*life)).await?),
        Persist(name) => Answer::Whether(cache.persist(key(*name)).await?),
        GetAndTouch(name, life) => {
            Answer::Number(cache.get_and_touch(key(*name), ttl(*life)).await?)
        }
        GetAndDelete(name) => Answer::Number(cache.get_and_delete(key(*name)).await?),
        Delete(name) => Answer::Whether(cache.delete(key(*name)).await?),
        DeleteMany(names) => Answer::Count(
            cache
                .delete_many(names.iter().map(|name| key(*name)))
                .await?,
        ),
        DeleteByPattern(text, namespace) => {
            Answer::Count(cache.delete_by_pattern(pattern(text, namespace)).await?)
        }
        DeleteByNamespace(namespace) => Answer::Count(cache.delete_by_namespace(namespace).await?),
        DeleteByTags(tags) => Answer::Count(cache.delete_by_tags(tags).await?),
        InvalidateKey(name) => {
            cache.invalidate_key(key(*name)).await?;
            Answer::Done
        }
        InvalidateTags(tags) => {
            cache.invalidate_tags(tags).await?;
            Answer::Done
        }
        InvalidateNamespace(namespace) => {
            cache.invalidate_namespace(namespace).await?;
            Answer::Done
        }
        Clear => {
            cache.clear().await?;
            Answer::Done
        }
        CleanUp => {
            // How much there is to clean up depends on the store.
            cache.cleanup_expired().await?;
            Answer::Done
        }
        Count(text, namespace) => Answer::Count(cache.count(pattern(text, namespace)).await?),
        Keys(text, namespace) => {
            let keys: Vec<Key> = cache.keys(pattern(text, namespace)).try_collect().await?;
            let mut keys: Vec<_> = keys.iter().map(name_of).collect();
            keys.sort();
            Answer::Keys(keys)
        }
        Entries(text, namespace, size) => {
            let (mut entries, mut after) = (Vec::new(), None);
            loop {
                let pattern = pattern(text, namespace);
                let page = cache.entries::<i64>(pattern, after.as_ref(), *size).await?;
                entries.extend(page.entries.iter().map(|entry| seen(entry, began)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            entries.sort();
            Answer::Entries(entries)
        }
    })
}

fn ttl(life: Life) -> Ttl {
    life.map_or(Ttl::Never, |millis| Ttl::For(Duration::from_millis(millis)))
}

fn seen(entry: &Entry<i64>, began: SystemTime) -> Seen {
    let since = |time: SystemTime| {
        // A store keeps milliseconds, so what was made at once may be made a little earlier.
        millis(time.duration_since(began).unwrap_or_default())
    };
    let mut tags: Vec<String> = entry
        .tags
        .iter()
        .map(|tag| tag.as_str().to_owned())
        .collect();
    tags.sort();
    let (name, namespace) = name_of(&entry.key);
    Seen {
        name,
        namespace,
        number: entry.value,
        tags,
        created_at: since(entry.created_at),
        expires_at: entry.expires_at.map(since),
    }
}

/// The namespaces of sequences are escaped in keys; here they are as they were given.
fn name_of(key: &Key) -> (String, String) {
    let namespace = key.namespace().unwrap_or_default().replace("%2A", "*");
    (key.as_str().to_owned(), namespace)
}

/// To the nearest millisecond.
fn millis(duration: Duration) -> u64 {
    let rounded = duration + Duration::from_micros(500);
    u64::try_from(rounded.as_millis()).expect("sequences are short")
}
