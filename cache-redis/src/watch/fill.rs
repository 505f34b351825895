//! A fill that is not told to the one who filled.

use std::sync::Arc;

use redis::Value;

use super::links::Links;
use crate::connection::Batch;

/// A fill over a link, of which it is not known yet what it did.
///
/// The link is the last in its step to change the key, and so is not told of what others did to the key
/// just before. After a fill that stored this does not matter: the lease was there, so nobody had
/// invalidated the key, and the entry is the newest. In every other case, that nobody waited for the
/// answer included, the key is told of as if others had changed it.
pub(crate) struct Filling {
    links: Option<Arc<Links>>,
    key: String,
}

impl Filling {
    pub(crate) fn new(links: Arc<Links>, key: &str) -> Self {
        Self {
            links: Some(links),
            key: key.to_owned(),
        }
    }

    /// Adds to a batch: the beginning of a step, into which the script of the fill is put next.
    pub(crate) fn begin_step(batch: &mut Batch, slot: &str) {
        batch.push_without_key(redis::cmd("MULTI"), slot);
    }

    /// Adds: a plain command of the link that changes the slot, and the end of the step. The command lets
    /// the slot last a moment longer than the fill did, which no reader goes by: an entry has its own
    /// time in it.
    pub(crate) fn end_step(batch: &mut Batch, slot: &str, lives: u64) {
        let longer = lives.saturating_add(1);
        batch.add(&["PEXPIRE"], slot).arg(longer).arg("GT");
        batch.push_without_key(redis::cmd("EXEC"), slot);
    }

    /// Whether it has stored, by the answers from the step's beginning on. They do not say if a server
    /// did not know the script, or the slot has moved: then the fill is to be made without a step.
    pub(crate) fn answered(mut self, answers: &[Value]) -> Option<bool> {
        let has_stored = match answers.get(3) {
            Some(Value::Array(step)) => match step.first() {
                Some(Value::Int(stored)) => Some(*stored == 1),
                _ => None,
            },
            _ => None,
        };
        if let Some(links) = self.links.take()
            && has_stored != Some(true)
        {
            links.watcher().slot_changed(&self.key);
        }
        has_stored
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let Some(links) = self.links.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return links.end();
        };
        let key = std::mem::take(&mut self.key);
        runtime.spawn(async move {
            // A server answers in order: after this it is decided what the fill did.
            match links.settle().await {
                Ok(()) => links.watcher().slot_changed(&key),
                Err(_) => links.end(),
            }
        });
    }
}
