//! What a step does to one blob: decided on what was seen, without doing it.

use std::time::Duration;

/// A blob as a step sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Empty for one that is not there.
    pub(super) bytes: &'a [u8],
    /// How long it will still be kept; `None`: forever.
    pub(super) left: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<T> {
    /// Nothing: this is the answer.
    Leave(T),
    /// The blob becomes this, if it is still the one that was seen; then this is the answer.
    Put(Change, T),
}

/// What a blob becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) bytes: Vec<u8>,
    pub(super) ttl: Option<Duration>,
}

/// How long an empty blob stays in place of what was removed.
const EMPTY_LASTS: Duration = Duration::from_secs(1);

impl Change {
    /// Nothing is left. A delete does not compare, so there is a blob without bytes for a moment.
    pub(super) fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            ttl: Some(EMPTY_LASTS),
        }
    }
}
