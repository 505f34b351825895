//! Where entries are looked for and stored: the layers of a cache, narrowed by who asks.

use super::above::Above;
use super::near::Place;
use super::{Backend, Cache};
use crate::layer::{LayerName, LayerSet};
use crate::remote::Remote;
use crate::spec::Layers;

/// Where a value is looked for, and stored.
#[derive(Clone, Copy)]
pub(super) enum Stand<'c> {
    Memory(Place<'c>),
    /// And process memory above it, unless that is left out.
    Store(&'c Remote),
}

impl Cache {
    /// The same cache, where values are looked for and stored in these layers alone: by
    /// [`get`](Self::get), [`set`](Self::set), [`load`](Self::load) and their like, and by
    /// [`increment`](Self::increment). What deletes and invalidates reaches every layer all the same, and
    /// what lists entries shows those of the stores.
    ///
    /// The layer that keeps the generations and leases of the others keeps their entries, too, unless only
    /// process memory is meant. With no layer that the cache has, nothing is found or stored.
    ///
    /// ```
    /// use larder::{Cache, LayerName, LayerSet};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// let here = cache.within(LayerSet::of(&[LayerName::L1]));
    /// here.set("draft", &"mine".to_owned()).await?;
    /// assert_eq!(here.get::<String>("draft").await?.as_deref(), Some("mine"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn within(&self, layers: LayerSet) -> Self {
        Self {
            shared: self.shared.clone(),
            layers: self.layers.and(layers),
        }
    }

    /// The layers that the cache was given by name; `None` if it was given none.
    pub(crate) fn named_layers(&self) -> Option<LayerSet> {
        self.shared.named_layers
    }

    /// Whether anything is kept that is asked for in these layers.
    pub(crate) fn keeps(&self, layers: LayerSet) -> bool {
        self.stand(layers).is_some()
    }

    /// The layers that are meant by who asks, here.
    #[inline]
    pub(super) fn meant(&self, layers: Layers) -> LayerSet {
        self.layers.and(layers.set())
    }

    /// Where entries in these layers are; `None` where nothing is kept.
    #[inline]
    pub(super) fn stand(&self, layers: LayerSet) -> Option<Stand<'_>> {
        let here = layers.contains(LayerName::L1);
        match &self.shared.backend {
            Backend::Memory(memory) => here.then(|| Stand::Memory(self.place(memory))),
            Backend::Remote(remote) => match remote.within(layers) {
                Some(remote) => Some(Stand::Store(remote)),
                None if here => self.near().map(Stand::Memory),
                None => None,
            },
            Backend::Off => None,
        }
    }

    /// Process memory above a store, if it is one of these layers.
    #[inline]
    pub(super) fn above(&self, layers: LayerSet) -> Option<&Above> {
        let above = self.shared.above.as_deref()?;
        layers.contains(LayerName::L1).then_some(above)
    }
}
