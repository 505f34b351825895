//! Fences: whether something was invalidated while a write was under way.
//!
//! A write that puts what it returned into the cache must not put what another write has changed
//! since. It opens a fence before its body; while one is open, everything that begins to be
//! invalidated, deleted or set in this cache is noted before it takes effect. At its end the write
//! asks its fence whether something that another has begun covers the entry.
//!
//! One log serves all fences: a fence is a number in it. The log ends with the last fence, and what is
//! too long for it counts as covering everything, so it takes bounded memory. While no fence is open,
//! an invalidation pays for one load.
//!
//! Asked with the key's shard of flights locked, the answer holds until the shard is unlocked: what is
//! noted later takes effect later, and its first effect on the entry is one that needs this lock (on
//! the key) or ends a generation that the entry holds. Lock order: flights, then this.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::key::Pattern;

/// How many notes are kept. The oldest go first, and whoever opened a fence before them cannot put.
const MOST: usize = 1_024;

/// What began to be invalidated in one cache while a fence was open.
#[derive(Debug, Default)]
pub(crate) struct Fences {
    open: AtomicUsize,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    notes: VecDeque<Note>,
    /// The number of the last note or fence.
    last: u64,
    /// The number of the last note that had to go for others.
    forgotten: u64,
}

#[derive(Debug)]
struct Note {
    number: u64,
    /// The fence of the write that did it.
    by: Option<u64>,
    begun: Begun,
}

#[derive(Debug)]
enum Begun {
    Scope(Box<str>),
    Key(Box<str>),
    Pattern(Pattern),
}

impl Fences {
    pub(crate) fn open(self: &Arc<Self>) -> Fence {
        let mut log = self.log.lock();
        self.open.fetch_add(1, Ordering::SeqCst);
        log.last += 1;
        Fence {
            fences: Arc::clone(self),
            number: log.last,
        }
    }

    /// An invalidation begins, by the write that opened the fence `by`, if it was one. Called before
    /// anything of it takes effect.
    pub(crate) fn note(&self, by: Option<&Fence>, scopes: &[String], keys: &[String]) {
        if self.is_any_open() {
            let scopes = scopes
                .iter()
                .map(|scope| Begun::Scope(scope.as_str().into()));
            let keys = keys.iter().map(|key| Begun::Key(key.as_str().into()));
            self.add(by, scopes.chain(keys));
        }
    }

    /// The same for one key that is deleted or set.
    pub(crate) fn note_key(&self, key: &str) {
        if self.is_any_open() {
            self.add(None, [Begun::Key(key.into())]);
        }
    }

    /// The same for every key that matches.
    pub(crate) fn note_pattern(&self, pattern: &Pattern) {
        if self.is_any_open() {
            self.add(None, [Begun::Pattern(pattern.clone())]);
        }
    }

    /// Who sees none, although one is being opened, has begun before that write's body.
    fn is_any_open(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    fn add(&self, by: Option<&Fence>, begun: impl IntoIterator<Item = Begun>) {
        let mut log = self.log.lock();
        for begun in begun {
            log.last += 1;
            let note = Note {
                number: log.last,
                by: by.map(|fence| fence.number),
                begun,
            };
            log.notes.push_back(note);
        }
        while log.notes.len() > MOST {
            log.forgotten = log.notes.pop_front().map_or(0, |note| note.number);
        }
    }
}

/// One write's fence. It closes when it is dropped.
#[derive(Debug)]
pub(crate) struct Fence {
    fences: Arc<Fences>,
    number: u64,
}

impl Fence {
    /// Whether someone else has begun, since this was opened, to invalidate what covers the entry.
    pub(crate) fn is_breached(&self, key: &str, scopes: &[String]) -> bool {
        let log = self.fences.log.lock();
        let since = |note: &&Note| note.number > self.number && note.by != Some(self.number);
        log.forgotten > self.number
            || log
                .notes
                .iter()
                .filter(since)
                .any(|note| note.begun.covers(key, scopes))
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        let mut log = self.fences.log.lock();
        if self.fences.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            log.notes = VecDeque::new();
        }
    }
}

impl Begun {
    fn covers(&self, key: &str, scopes: &[String]) -> bool {
        match self {
            Self::Scope(scope) => scopes.iter().any(|one| **one == **scope),
            Self::Key(one) => **one == *key,
            Self::Pattern(pattern) => pattern.matches_qualified(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(str::to_owned).to_vec()
    }

    fn is_breached_by(begin: impl FnOnce(&Arc<Fences>, &Fence)) -> bool {
        let fences = Arc::new(Fences::default());
        fences.note_key(":user:7");
        let fence = fences.open();
        begin(&fences, &fence);
        fence.is_breached(":user:7", &texts(["all", "tag:users"]))
    }

    #[test]
    fn what_covers_the_entry_breaches_the_fence() {
        assert!(!is_breached_by(|_, _| {}));
        assert!(is_breached_by(|fences, _| fences.note_key(":user:7")));
        assert!(!is_breached_by(|fences, _| fences.note_key(":user:8")));
        let users = texts(["tag:users"]);
        assert!(is_breached_by(|fences, _| fences.note(None, &users, &[])));
        let orders = texts(["tag:orders"]);
        assert!(!is_breached_by(|fences, _| fences.note(None, &orders, &[])));
        let pattern = Pattern::from("user:*");
        assert!(is_breached_by(|fences, _| fences.note_pattern(&pattern)));
    }

    #[test]
    fn a_writes_own_invalidation_breaches_every_fence_but_its_own() {
        let users = texts(["tag:users"]);
        assert!(!is_breached_by(|fences, own| {
            fences.note(Some(own), &users, &[]);
        }));
        assert!(is_breached_by(|fences, _| {
            let other = fences.open();
            fences.note(Some(&other), &users, &[]);
        }));
    }

    #[test]
    fn the_log_is_bounded_and_what_is_forgotten_breaches() {
        let fences = Arc::new(Fences::default());
        let fence = fences.open();
        for other in 0..MOST {
            fences.note_key(&format!(":other:{other}"));
        }
        assert!(!fence.is_breached(":user:7", &[]));
        fences.note_key(":one:more");
        assert!(fence.is_breached(":user:7", &[]));
        assert_eq!(fences.log.lock().notes.len(), MOST);
        assert!(!fences.open().is_breached(":user:7", &[]));
        drop(fence);
        assert_eq!(fences.log.lock().notes.len(), 0);
        fences.note_key(":user:7");
        assert_eq!(fences.log.lock().notes.len(), 0);
    }
}
