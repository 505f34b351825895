//! Why a check failed.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// What a check comes to. A check also fails by panicking, where what it asserts does not hold.
pub type Outcome = Result<(), Failure>;

/// An operation that should have succeeded did not: what it said, and where it was asked.
pub struct Failure {
    reason: String,
    at: &'static Location<'static>,
}

impl<E: Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self {
            reason: error.to_string(),
            at: Location::caller(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.reason, self.at)
    }
}

/// As for people: it is what a failed test prints.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
