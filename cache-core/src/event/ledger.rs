//! How far a listener has come for good: up to the oldest event that is still being retried.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use super::log::Position;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In order; each with the attempts that are not yet over.
    events: VecDeque<(Position, Vec<JoinHandle<()>>)>,
    done: Option<Position>,
}

impl Ledger {
    /// Everything up to here has been handled, but for these further attempts.
    pub(crate) fn note(&mut self, position: Position, retries: Vec<JoinHandle<()>>) {
        match self.events.back_mut() {
            Some((last, none)) if none.is_empty() && retries.is_empty() => *last = position,
            _ => self.events.push_back((position, retries)),
        }
    }

    /// Up to where nothing more will happen.
    pub(crate) fn done(&mut self) -> Option<Position> {
        while let Some((position, retries)) = self.events.front()
            && retries.iter().all(JoinHandle::is_finished)
        {
            self.done = Some(*position);
            self.events.pop_front();
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_that_is_being_retried_holds_the_place() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.done(), None);
        ledger.note(Position(1, 0), Vec::new());
        assert_eq!(ledger.done(), Some(Position(1, 0)));

        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let retry = tokio::spawn(async move { drop(ended.await) });
        ledger.note(Position(2, 0), vec![retry]);
        ledger.note(Position(3, 0), Vec::new());
        ledger.note(Position(4, 0), Vec::new());
        assert_eq!(ledger.done(), Some(Position(1, 0)));
        assert_eq!(ledger.events.len(), 2);

        end.send(()).expect("it waits");
        while ledger.done() != Some(Position(4, 0)) {
            tokio::task::yield_now().await;
        }
    }
}
