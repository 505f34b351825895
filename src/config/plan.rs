//! What all sources said, put together: which caches there will be, and what does not fit.

use larder_core::{CacheBuilder, LayerName};

use super::connect::cache_builder;
use super::fit::note_misfits;
use super::layers::layers;
use super::mistake::{Mistakes, Place};
use super::setting::{Provider, Rank, Said, Setting, Source};
use super::store::{self, Asked, StorePlan};
use super::words::{Shape, Words, shape};

/// A cache that can be made.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) kept: Kept,
    pub(super) cache: CacheBuilder,
    pub(super) start_degraded: bool,
    /// Who says where the cache is in place of the layers that a lower source gives it.
    pub(super) overrides: Option<Place>,
}

/// What a cache keeps its entries in.
pub(super) enum Kept {
    Nowhere,
    Memory,
    Store(StorePlan),
    /// From the fastest to the widest.
    Layers(Vec<LayerPlan>),
}

/// A layer that can be made.
pub(super) struct LayerPlan {
    pub(super) name: LayerName,
    /// `None`: process memory.
    pub(super) store: Option<StorePlan>,
    pub(super) settings: Vec<Setting>,
}

impl Plan {
    /// Its stores, with the layers that they are.
    pub(super) fn stores(&self) -> impl Iterator<Item = (Option<LayerName>, &StorePlan)> {
        let (whole, layers) = match &self.kept {
            Kept::Nowhere | Kept::Memory => (None, &[][..]),
            Kept::Store(store) => (Some((None, store)), &[][..]),
            Kept::Layers(layers) => (None, layers.as_slice()),
        };
        let layers = layers.iter();
        let layers = layers.filter_map(|layer| Some((Some(layer.name), layer.store.as_ref()?)));
        whole.into_iter().chain(layers)
    }
}

/// What all sources say, by cache: always of the default one, too.
pub(super) fn merged(file: &Source, environment: &Source, code: &Source) -> Source {
    let mut caches = file.clone();
    caches.entry("default".to_owned()).or_default();
    for (name, said) in environment {
        let name = known_as(name, &caches);
        caches.entry(name).or_default().extend_from_slice(said);
    }
    for (name, said) in code {
        caches
            .entry(name.clone())
            .or_default()
            .extend_from_slice(said);
    }
    caches
}

/// What the file calls a cache that a variable speaks of: variables have neither small letters nor
/// `-`.
fn known_as(name: &str, caches: &Source) -> String {
    let folded = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    if caches.contains_key(name) {
        return name.to_owned();
    }
    let known = caches.keys().find(|known| folded(known) == folded(name));
    known.map_or_else(|| name.to_owned(), String::clone)
}

/// The caches. What is wrong with one is noted, and it is left out.
pub(super) fn plan(caches: Source, mistakes: &mut Mistakes) -> Vec<Plan> {
    caches
        .into_iter()
        .filter_map(|(name, said)| one(name, &said, mistakes))
        .collect()
}

fn one(name: String, all: &[Said], mistakes: &mut Mistakes) -> Option<Plan> {
    let own = Words::of(None, all);
    let shape = shape(all, Rank::Code);
    note_misfits(&name, all, mistakes);
    let kept = match shape {
        Shape::Whole => whole(&own, mistakes),
        Shape::Layered => layers(all, mistakes),
        // Noted already.
        Shape::Unclear => None,
    }?;
    let effective = own.effective();
    let is_degraded = |said: &&Said| said.setting == Some(Setting::StartDegraded(true));
    let whereabouts = own.whereabouts(Rank::Code);
    let overridden = all
        .iter()
        .any(|said| said.layer.is_some() && shape == Shape::Whole);
    Some(Plan {
        name,
        kept,
        cache: cache_builder(&effective),
        start_degraded: effective.iter().any(is_degraded),
        overrides: whereabouts
            .filter(|_| overridden)
            .map(|said| said.place.clone()),
    })
}

/// A cache without layers.
fn whole(own: &Words<'_>, mistakes: &mut Mistakes) -> Option<Kept> {
    store::note_strange_addresses(own, mistakes);
    let Some(whereabouts) = own.whereabouts(Rank::Code) else {
        return Some(Kept::Memory);
    };
    match whereabouts.provider()? {
        Provider::Off => Some(Kept::Nowhere),
        Provider::Memory => Some(Kept::Memory),
        Provider::Http => {
            mistakes.note(&whereabouts.place, || {
                "`http` keeps copies only: make it a layer, beside one that can hold generations, like `redis`".to_owned()
            });
            None
        }
        provider => {
            let asked = Asked {
                provider,
                effective: &own.effective(),
                whereabouts,
            };
            store::store(&asked, mistakes).map(Kept::Store)
        }
    }
}
