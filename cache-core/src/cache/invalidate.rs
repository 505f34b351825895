//! Invalidating: by key, tag, namespace, or everything.
//!
//! First this process, in one step without waiting: generations end, flights can no longer be
//! joined or stored, process memory forgets. Then the store, which may have to be retried.

use futures_util::future::join;

use super::{Backend, Cache, reached};
use crate::Error;
use crate::fence::Fence;
use crate::key::Key;
use crate::memory::AnyResident;
use crate::stats::{Count, Counters};
use crate::tag::{Tag, Tags};

/// How far an invalidation came. Either way, nothing it covers is served in this process any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalidation {
    /// The store has taken it: it holds everywhere.
    Done,
    /// The store could not take it. It is kept and retried until it does; other processes may read
    /// what it covers until then.
    Queued,
}

/// What an invalidation reaches.
///
/// ```
/// use larder::{Key, Targets};
///
/// let targets = Targets::default().tag("users").key(Key::new("user:7").in_namespace("shop"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Targets {
    pub(super) tags: Tags,
    pub(super) keys: Vec<Key>,
    pub(super) namespaces: Vec<String>,
    pub(super) everything: bool,
}

impl Targets {
    /// And everything with this tag, and the key of the tag's name.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tags.push(tag);
        self
    }

    /// And everything with one of these tags, and the keys of the tags' names.
    #[must_use]
    pub fn tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// And this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// And everything in this namespace.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        // Through a key, so that the name is escaped as it is there. An empty name is that of a
        // template whose values came out empty; what is in no namespace has none.
        let key = Key::render_in(|out| out.value(namespace), |_| {});
        self.namespace_of(&key)
    }

    /// And everything in the namespace that this key is in: for namespaces from templates.
    #[must_use]
    pub fn namespace_of(mut self, key: &Key) -> Self {
        self.namespaces.extend(key.namespace().map(str::to_owned));
        self
    }

    /// And everything else.
    #[must_use]
    pub fn everything(mut self) -> Self {
        self.everything = true;
        self
    }

    /// Writes tags through a closure.
    #[doc(hidden)]
    pub fn write_tags(&mut self, tags: impl FnOnce(&mut Tags)) {
        tags(&mut self.tags);
    }

    /// Adds a key in place.
    #[doc(hidden)]
    pub fn push_key(&mut self, key: impl Into<Key>) {
        self.keys.push(key.into());
    }

    /// Whether it reaches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
            && self.keys.is_empty()
            && self.namespaces.is_empty()
            && !self.everything
    }
}

impl Cache {
    /// Makes everything unusable that carries one of `tags`, and every load of it that is under way;
    /// also the key of each tag's name. Costs the same for one entry and for ten million.
    ///
    /// Cancelling it loses nothing: what the store was not told is retried.
    ///
    /// # Errors
    /// None at present; a store that cannot take it gives [`Invalidation::Queued`].
    pub async fn invalidate_tags<T: Into<Tag>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Invalidation, Error> {
        Ok(self.invalidate(Targets::default().tags(tags)).await)
    }

    /// Makes everything in `namespace` unusable, in constant time.
    ///
    /// # Errors
    /// As [`invalidate_tags`](Self::invalidate_tags).
    pub async fn invalidate_namespace(&self, namespace: &str) -> Result<Invalidation, Error> {
        Ok(self
            .invalidate(Targets::default().namespace(namespace))
            .await)
    }

    /// Makes everything in this cache unusable, in constant time. Other prefixes and versions in the
    /// same store are not touched.
    ///
    /// # Errors
    /// As [`invalidate_tags`](Self::invalidate_tags).
    pub async fn clear(&self) -> Result<Invalidation, Error> {
        Ok(self.invalidate(Targets::default().everything()).await)
    }

    /// Makes one key unusable, and every load of it that is under way.
    ///
    /// # Errors
    /// As [`invalidate_tags`](Self::invalidate_tags).
    pub async fn invalidate_key(&self, key: impl Into<Key>) -> Result<Invalidation, Error> {
        Ok(self.invalidate(Targets::default().key(key)).await)
    }

    /// Makes everything that `targets` name unusable, in one step where the store can.
    pub async fn invalidate(&self, targets: Targets) -> Invalidation {
        self.invalidate_counted(targets, None).await
    }

    /// Waits until loads in the background have ended, and the store has taken every invalidation and every
    /// event that was queued: before a
    /// process ends, and in tests. Waits for as long as the store cannot be reached; give it a time
    /// limit of your own.
    pub async fn settle(&self) {
        let loads = self.shared.background.settled();
        let Backend::Remote(remote) = &self.shared.backend else {
            return loads.await;
        };
        // Side by side, so that a load without end keeps nothing back; and again for what the loads' own
        // calls have queued.
        join(loads, remote.settled()).await;
        remote.settled().await;
    }

    pub(crate) async fn invalidate_counted(
        &self,
        targets: Targets,
        site: Option<&'static Counters>,
    ) -> Invalidation {
        let (scopes, keys) = self.invalidate_here(&targets, site, None);
        let Backend::Remote(remote) = &self.shared.backend else {
            return Invalidation::Done;
        };
        match remote.invalidate(scopes, keys).await {
            Ok(invalidation) => invalidation,
            Err(_) => {
                self.tally(site).add(Count::StoreError);
                Invalidation::Queued
            }
        }
    }

    /// The same for a caller that cannot wait: this process at once, the store in the background.
    pub(crate) fn invalidate_later(&self, targets: &Targets, site: Option<&'static Counters>) {
        let (scopes, keys) = self.invalidate_here(targets, site, None);
        if let Backend::Remote(remote) = &self.shared.backend {
            remote.invalidate_later(scopes, keys);
        }
    }

    /// This process: returns what the store must be told. `by` is the fence of the write whose
    /// invalidation this is, if it has one.
    pub(super) fn invalidate_here(
        &self,
        targets: &Targets,
        site: Option<&'static Counters>,
        by: Option<&Fence>,
    ) -> (Vec<String>, Vec<String>) {
        self.shared.counters.add_invalidation();
        if let Some(site) = site {
            site.add_invalidation();
        }
        let (scopes, keys) = reached(targets);
        self.shared.fences.note(by, &scopes, &keys);
        for scope in &scopes {
            self.shared.generations.end(scope);
        }
        if let Some(above) = &self.shared.above {
            above.forget(&scopes, &[]);
        }
        for key in &keys {
            self.forget(key);
        }
        if targets.everything {
            if let Backend::Memory(memory) = &self.shared.backend {
                memory.clear();
            }
            if let Some(beside) = self.beside() {
                beside.memory.clear();
            }
        }
        (scopes, keys)
    }

    /// Forgets a key in this process, its entry and its flight in one step; whether there was a
    /// usable entry.
    pub(super) fn forget(&self, key: &str) -> bool {
        self.take(key).is_some()
    }

    /// The same, and gives the entry.
    pub(super) fn take(&self, key: &str) -> Option<AnyResident> {
        self.forget_beside(key);
        match &self.shared.backend {
            Backend::Memory(memory) => self.place(memory).take(key),
            Backend::Off | Backend::Remote(_) => {
                self.shared.flights.revoke(key);
                None
            }
        }
    }

    /// Forgets a key in the process memory beside a store.
    pub(super) fn forget_beside(&self, key: &str) {
        if let Some(beside) = self.beside() {
            drop(beside.take(key));
        }
        if let Some(above) = &self.shared.above {
            above.forget_key(key);
        }
    }
}
