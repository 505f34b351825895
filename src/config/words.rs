//! Everything that was said of one cache, or of one of its layers, by all sources.

use larder_core::LayerName;

use super::key;
use super::setting::{Provider, Rank, Said, Setting};

/// What says where entries are.
const WHEREABOUTS: [&str; 3] = ["provider", "uri", "urls"];

/// What was said of a cache by itself (`None`), or of one of its layers.
pub(super) struct Words<'s> {
    pub(super) layer: Option<LayerName>,
    pub(super) said: Vec<&'s Said>,
}

impl<'s> Words<'s> {
    pub(super) fn of(layer: Option<LayerName>, all: &'s [Said]) -> Self {
        Self {
            layer,
            said: all.iter().filter(|said| said.layer == layer).collect(),
        }
    }

    /// The last word on a key among the ranks up to this one.
    pub(super) fn last(&self, key: &str, upto: Rank) -> Option<&'s Said> {
        let said = self.said.iter().copied();
        said.filter(|said| said.key == key && said.rank <= upto)
            .max_by_key(|said| said.rank)
    }

    /// The last word on a key.
    pub(super) fn on(&self, key: &str) -> Option<&'s Said> {
        self.last(key, Rank::Code)
    }

    /// The last word on every key.
    pub(super) fn effective(&self) -> Vec<&'s Said> {
        let keys = key::KEYS.iter();
        keys.filter_map(|key| self.on(key.name)).collect()
    }

    /// Who says where the entries are: the provider or the address, whichever was said later. Said
    /// together, the provider.
    pub(super) fn whereabouts(&self, upto: Rank) -> Option<&'s Said> {
        let said = WHEREABOUTS.iter().filter_map(|key| self.last(key, upto));
        said.max_by_key(|said| (said.rank, said.key == "provider"))
    }

    /// Where the entries are, as far as it was understood. Process memory is the first layer's unless
    /// it is said.
    pub(super) fn provider(&self, upto: Rank) -> Option<Provider> {
        match self.whereabouts(upto) {
            Some(said) => said.provider(),
            None => (self.layer == Some(LayerName::L1)).then_some(Provider::Memory),
        }
    }

    /// Whether a layer is in use.
    pub(super) fn is_enabled(&self) -> bool {
        let enabled = self.on("enabled").and_then(|said| said.setting.as_ref());
        enabled != Some(&Setting::Enabled(false))
    }
}

/// How a cache is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of one store, or of process memory.
    Whole,
    /// Of layers.
    Layered,
    /// One source says both.
    Unclear,
}

/// What the sources up to this rank make of a cache: one that says where it is as a whole stands in
/// place of the layers that a lower one gives it, and the other way round.
pub(super) fn shape(all: &[Said], upto: Rank) -> Shape {
    let whole = Words::of(None, all).whereabouts(upto);
    let whole = whole.map(|said| said.rank);
    let is_of_layer = |said: &&Said| said.layer.is_some() && said.rank <= upto;
    let layers = || all.iter().filter(is_of_layer);
    let layered = layers()
        .filter(|said| WHEREABOUTS.contains(&said.key))
        .map(|said| said.rank)
        .max();
    match (whole, layered) {
        (Some(whole), Some(layered)) if whole == layered => Shape::Unclear,
        (whole, Some(layered)) if whole < Some(layered) => Shape::Layered,
        (None, _) if layers().next().is_some() => Shape::Layered,
        _ => Shape::Whole,
    }
}
