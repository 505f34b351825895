//! The port: a log of events that several processes share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::store::Nonce;

/// A place in a log. Later entries have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64, pub u64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0, 0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl std::str::FromStr for Position {
    type Err = ();

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('-').ok_or(())?;
        Ok(Self(
            major.parse().map_err(drop)?,
            minor.parse().map_err(drop)?,
        ))
    }
}

/// What is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which process appended it: its own listener skips it.
    pub origin: Nonce,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This happened.
    Event {
        /// The same on every log that the event goes to; `None` if whoever appended it did not say.
        id: Option<Nonce>,
        /// How many events led to it, each emitted by a handler of the one before.
        depth: u8,
        /// The event's name.
        name: Arc<str>,
        /// Its payload, as JSON.
        payload: Arc<[u8]>,
    },
    /// Events were lost on the way to the log: nobody knows which.
    Gap,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub position: Position,
    /// Where the entry was that was the last when this one was appended, so that a reader notices if
    /// something between the two is gone. `None` if whoever appended it did not say; then `holds` tells.
    pub after: Option<Position>,
    /// `None` if it cannot be understood.
    pub record: Option<Record>,
}

/// A log that a store offers, see [`Store::events`](crate::Store::events).
///
/// # Contract
/// - **Order.** Entries are read in the order of their positions. A call of `append` that starts after
///   another returned gets greater positions.
/// - **Atomicity.** An entry and its `after` are appended in one step.
/// - **Loss.** A log may drop its oldest entries, or all. It need not say so: readers see it from
///   `after` and `last`.
/// - **Cancelling.** Dropping a call's future appends each record once or not at all. A dropped `read`
///   loses nothing.
/// - **Errors.** An error says nothing about whether the effect took place. Bytes that are no record
///   are an [`Entry`] without one, never an error.
#[async_trait]
pub trait EventLog: fmt::Debug + Send + Sync + 'static {
    /// Which log it is: server and place, never a password. Two with the same name are the same log.
    fn name(&self) -> &str;

    /// Appends the records in order.
    async fn append(&self, records: &[Record]) -> Result<(), StoreError>;

    /// Where the last entry is; [`Position::START`] if there is none.
    async fn last(&self) -> Result<Position, StoreError>;

    /// Some of the entries after a position, in order. Waits up to `wait` for the first one, then
    /// there are none.
    async fn read(&self, after: Position, wait: Duration) -> Result<Vec<Entry>, StoreError>;

    /// Whether the entry at a position is still there, and so everything after it: a log drops its
    /// oldest entries first. True for [`Position::START`], where there never was one.
    async fn holds(&self, position: Position) -> Result<bool, StoreError>;

    /// The position that was saved for a consumer, if there is one.
    async fn saved(&self, consumer: &str) -> Result<Option<Position>, StoreError>;

    /// Saves a consumer's position.
    async fn save(&self, consumer: &str, position: Position) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position(1_720_000_000_000, 7);
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in [
            "",
            "7",
            "7-",
            "-7",
            "7-7-7",
            "a-1",
            "1-99999999999999999999",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
