//! Whether a store is left alone, because it failed too often.

use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use crate::error::StoreError;

/// After so many calls in a row that were not answered, a store is left alone.
pub(super) const MOST_FAILURES: u32 = 5;

/// The pause before the first probe, and the longest one. Each is twice the one before, and is made
/// shorter by up to a half, so that many processes do not come back in step.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Whether calls go to a store.
///
/// It opens after five calls in a row that the store did not answer. From then on a task of its own asks
/// whether the store answers again: after 50 milliseconds at first, every second in the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Breaker {
    /// They do.
    #[default]
    Closed,
    /// They fail at once: the store is left alone.
    Open,
    /// They fail at once, while the store is being asked whether it answers again.
    HalfOpen,
}

/// Counts failures and says when the store is to be left alone. Only what a store owes an answer to is
/// counted: who refuses is there.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    /// How many calls in a row were not answered.
    failures: u32,
}

impl Circuit {
    pub(super) fn breaker(&self) -> Breaker {
        self.0.lock().breaker
    }

    /// Whether a call may go to the store.
    pub(super) fn admits(&self) -> bool {
        self.breaker() == Breaker::Closed
    }

    /// A call was answered. One that began before the store was left alone changes nothing: it may have
    /// been the last that got through.
    pub(super) fn answered(&self) {
        let mut state = self.0.lock();
        if state.breaker == Breaker::Closed {
            state.failures = 0;
        }
    }

    /// A call was not answered; whether the store is to be left alone from now on.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.0.lock();
        state.failures = state.failures.saturating_add(1);
        let opens = state.breaker == Breaker::Closed && state.failures >= MOST_FAILURES;
        if opens {
            state.breaker = Breaker::Open;
        }
        opens
    }

    /// The store is being asked whether it answers again.
    pub(super) fn probe(&self) {
        let mut state = self.0.lock();
        if state.breaker == Breaker::Open {
            state.breaker = Breaker::HalfOpen;
        }
    }

    /// What it said; whether this ends its being left alone.
    pub(super) fn probed(&self, has_answered: bool) -> bool {
        let mut state = self.0.lock();
        if has_answered {
            state.failures = 0;
            return std::mem::take(&mut state.breaker) != Breaker::Closed;
        }
        if state.breaker == Breaker::HalfOpen {
            state.breaker = Breaker::Open;
        }
        false
    }
}

/// Whether the error says that the store was not there to answer.
pub(super) fn is_away(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Timeout { .. } | StoreError::Unreachable { .. } | StoreError::LeftAlone { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_alone() {
        let circuit = Circuit::default();
        for _ in 0..3 {
            for _ in 1..MOST_FAILURES {
                assert!(!circuit.failed());
            }
            circuit.answered();
        }
        for _ in 1..MOST_FAILURES {
            assert!(!circuit.failed());
        }
        assert!(circuit.failed());
        assert!(!circuit.failed(), "it opens once");
        assert_eq!(circuit.breaker(), Breaker::Open);
    }

    #[test]
    fn only_a_probe_closes_it() {
        let circuit = Circuit::default();
        while !circuit.failed() {}
        circuit.answered();
        assert!(!circuit.admits());
        circuit.probe();
        assert_eq!(circuit.breaker(), Breaker::HalfOpen);
        assert!(!circuit.probed(false));
        assert_eq!(circuit.breaker(), Breaker::Open);
        circuit.probe();
        assert!(circuit.probed(true));
        assert!(circuit.admits());
        assert!(!circuit.failed(), "it counts from the beginning");
    }
}
