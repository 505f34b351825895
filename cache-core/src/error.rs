//! What can go wrong when the cache is used directly.

use std::time::Duration;

/// An error of the cache itself. Annotated functions and [`Cache::load`](crate::Cache::load) never
/// return one: there, a failing cache costs a load and is counted.
///
/// No message contains a value, a password or the bytes of an entry.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A ttl of zero would store what nobody can read.
    #[error("the ttl of `{key}` is zero: leave the ttl out, or delete the key")]
    ZeroTtl {
        /// The key that was to be set.
        key: String,
    },
    /// A value could not be encoded.
    #[error("`{type_name}` cannot be encoded: {reason}")]
    Encode {
        /// The Rust type of the value.
        type_name: &'static str,
        /// What the codec said.
        reason: String,
    },
    /// An entry in a store can have about 1,000 tags of at most 64 KB each.
    #[error("`{key}` has more than 1,000 tags, or one of more than 64 KB")]
    TooManyTags {
        /// The key that was to be set.
        key: String,
    },
    /// The entry is to be counted with, but holds no integer that fits an `i64`.
    #[error("`{key}` does not hold an integer that fits an i64: set one, or delete the key")]
    NotANumber {
        /// The key that was to be counted with.
        key: String,
    },
    /// The sum does not fit the integer's type. The entry is as it was.
    #[error("`{key}` cannot be changed by {by}: the sum does not fit its type")]
    Overflow {
        /// The key that was to be counted with.
        key: String,
        /// What was to be added.
        by: i64,
    },
    /// A projection was asked to remove what is not its own.
    #[error(
        "`{key}` is not of the projection `{projection}`: its keys begin with `{projection}:::`"
    )]
    ForeignKey {
        /// The key, or the pattern of keys.
        key: String,
        /// The projection's name, as it is written in keys.
        projection: String,
    },
    /// A cursor is not one that a page of entries gave.
    #[error("this is not a cursor of a page of entries: begin again without one")]
    Cursor,
    /// The store behind the cache has no connection of the type that was asked for.
    #[error("`{store}` has no connection of the type `{wanted}`")]
    NoConnection {
        /// The store's name.
        store: String,
        /// The Rust type that was asked for.
        wanted: &'static str,
    },
    /// The arguments of a function could not be made into a key.
    #[error("the arguments of `{function}` cannot be made into a key: {reason}")]
    Key {
        /// The function's path.
        function: String,
        /// What the codec said.
        reason: String,
    },
    /// An event was emitted without a name.
    #[error("an event needs a name, as in `user.updated`")]
    NamelessEvent,
    /// Handlers emit events whose handlers emit events, and so on.
    #[error(
        "`{event}` comes after {most} events that each led to the next: a handler must not emit what leads back to it"
    )]
    EventChain {
        /// The event that was to be emitted.
        event: String,
        /// How many events may lead to one.
        most: u8,
    },
    /// A cache was asked for by a name that is not configured.
    #[error("there is no cache `{name}`{}; known: {}", for_whom(.wanted_by.as_deref()), .known.join(", "))]
    UnknownCache {
        /// The name that was asked for.
        name: String,
        /// The annotated function that asks for it, where one does.
        wanted_by: Option<String>,
        /// The names that are configured.
        known: Vec<String>,
    },
    /// A write puts what it returned into the entry of a function that uses another cache.
    #[error(
        "`{function}` uses another cache than the write that puts into it: give both the same `cache`"
    )]
    OtherCache {
        /// The function whose entry it is.
        function: &'static str,
    },
    /// The caches of the process were already set up.
    #[error("the caches of this process are already set up: call `init` or `install` once, first")]
    AlreadyInstalled,
}

impl Error {
    /// Says which function asked for the cache.
    pub(crate) fn wanted_by(self, function: &str) -> Self {
        match self {
            Self::UnknownCache { name, known, .. } => Self::UnknownCache {
                name,
                known,
                wanted_by: Some(function.to_owned()),
            },
            other => other,
        }
    }
}

fn for_whom(function: Option<&str>) -> String {
    function
        .map(|function| format!(", which `{function}` wants"))
        .unwrap_or_default()
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It did not answer within its time budget.
    #[error("`{store}` did not answer within {budget:?}")]
    Timeout {
        /// The store's name.
        store: String,
        /// The time that it had.
        budget: Duration,
    },
    /// It could not be reached, or the connection broke.
    #[error("`{store}` cannot be reached: {reason}")]
    Unreachable {
        /// The store's name.
        store: String,
        /// What the client said.
        reason: String,
    },
    /// It refused: no memory, no permission, a value that is too large.
    #[error("`{store}` refused: {reason}")]
    Refused {
        /// The store's name.
        store: String,
        /// What the server said.
        reason: String,
    },
    /// The entry is larger than it takes.
    #[error("`{store}` takes entries of at most {limit} bytes, and this one has {size}")]
    TooLarge {
        /// The store's name.
        store: String,
        /// How many bytes the entry has.
        size: u64,
        /// How many it takes.
        limit: u64,
    },
    /// It failed too often, and is left alone until it answers again.
    #[error("`{store}` has failed and is left alone until it answers again")]
    LeftAlone {
        /// The store's name.
        store: String,
    },
    /// It was asked to go on at a place that is none of its own.
    #[error("`{store}` has no such place to go on at")]
    Cursor {
        /// The store's name.
        store: String,
    },
    /// It cannot do this at all.
    #[error("`{store}` does not support {operation}")]
    Unsupported {
        /// The store's name.
        store: String,
        /// What was asked.
        operation: &'static str,
    },
}
