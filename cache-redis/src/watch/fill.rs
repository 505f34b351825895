//! A fill that is not told to the one who filled.

use redis::Pipeline;

use super::line::Link;

/// A fill over a link, of which it is not known yet what it did.
///
/// Being the last in its step to change the key, the link is not told of what others did to the key just
/// before. After a fill that stored this does not matter: the lease was there, so nobody had invalidated
/// the key, and the entry is the newest. In every other case, that nobody waited for the answer
/// included, the key is told of as if others had changed it.
pub(crate) struct Filling {
    link: Option<Link>,
    key: String,
}

/// Begins a step, into which the fill is put next.
pub(crate) fn begin_step(pipeline: &mut Pipeline) {
    pipeline.cmd("MULTI").ignore();
}

/// Ends the step of a fill for this time with a plain command of the link that changes the key at
/// `name`. It lets the key last a moment longer, which no reader goes by: an entry has its own time in
/// it. The answer is a list, and the first in it is the fill's.
pub(crate) fn end_step(pipeline: &mut Pipeline, name: &str, lives: u64) {
    let longer = lives.saturating_add(1);
    pipeline.cmd("PEXPIRE").arg(name).arg(longer).arg("GT");
    pipeline.ignore().cmd("EXEC");
}

impl Filling {
    pub(crate) fn new(link: Link, key: &str) -> Self {
        Self {
            link: Some(link),
            key: key.to_owned(),
        }
    }

    /// What the fill did is known.
    pub(crate) fn answered(mut self, has_stored: bool) {
        if let Some(link) = self.link.take()
            && !has_stored
        {
            link.watcher().slot_changed(&self.key);
        }
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return link.end();
        };
        let key = std::mem::take(&mut self.key);
        runtime.spawn(async move {
            // Answers come in order: after this one it is decided what the fill did.
            match link.round_trip().await {
                Ok(()) => link.watcher().slot_changed(&key),
                Err(_) => link.end(),
            }
        });
    }
}
