//! The layers of a cache: which there will be, and what does not fit between them.

use larder_core::LayerName;

use super::mistake::Mistakes;
use super::plan::{Kept, LayerPlan};
use super::setting::{Provider, Rank, Said};
use super::store::{self, Asked};
use super::words::Words;

/// A cache of layers.
pub(super) fn layers(all: &[Said], mistakes: &mut Mistakes) -> Option<Kept> {
    let own = Words::of(None, all);
    let layers = LayerName::ALL.map(|name| (name, Words::of(Some(name), all)));
    let spoken_of = layers.iter().filter(|(_, words)| !words.said.is_empty());
    let enabled: Vec<_> = spoken_of
        .clone()
        .filter(|(_, words)| words.is_enabled())
        .collect();
    if enabled.is_empty() {
        let mut said = spoken_of.filter_map(|(_, words)| words.on("enabled"));
        mistakes.note(&said.next_back()?.place, || {
            "no layer of the cache is enabled: to keep nothing, say `provider = \"off\"` of the cache, without layers"
                .to_owned()
        });
        return None;
    }
    let planned = enabled
        .iter()
        .map(|(name, words)| layer(*name, words, &own, mistakes));
    // All of them are looked at, whatever is wrong with one.
    let planned: Vec<Option<LayerPlan>> = planned.collect();
    let planned: Vec<LayerPlan> = planned.into_iter().collect::<Option<_>>()?;
    note_copies_alone(&enabled, mistakes)?;
    Some(Kept::Layers(planned))
}

/// A layer. What is wrong with it is noted.
fn layer(
    name: LayerName,
    words: &Words<'_>,
    own: &Words<'_>,
    mistakes: &mut Mistakes,
) -> Option<LayerPlan> {
    store::note_strange_addresses(words, mistakes);
    let first = words.said.first()?;
    let whereabouts = words.whereabouts(Rank::Code);
    let provider = match (whereabouts, name) {
        (Some(said), _) => said.provider()?,
        (None, LayerName::L1) => Provider::Memory,
        (None, _) => {
            mistakes.note(&first.place, || {
                format!("layer `{name}` needs a `backend`, like `backend = \"redis\"`")
            });
            return None;
        }
    };
    let place = &whereabouts.unwrap_or(first).place;
    let store = match (provider, name) {
        (Provider::Off, _) => {
            mistakes.note(place, || {
                "a layer is switched off by `enabled = false`".to_owned()
            });
            return None;
        }
        (Provider::Memory, LayerName::L1) => None,
        (Provider::Memory, _) => {
            mistakes.note(place, || {
                format!("process memory is `l1`, the layer above all stores, not `{name}`")
            });
            return None;
        }
        (provider, LayerName::L1) => {
            mistakes.note(place, || {
                format!(
                    "`l1` is process memory, above all stores: let `{}` be `l2`, `l3` or `l4`",
                    provider.name()
                )
            });
            return None;
        }
        (provider, _) => {
            let asked = Asked {
                provider,
                effective: &with_inherited(words, own),
                whereabouts: whereabouts?,
            };
            Some(store::store(&asked, mistakes)?)
        }
    };
    let settings = words.effective();
    Some(LayerPlan {
        name,
        store,
        settings: settings
            .iter()
            .filter_map(|said| said.setting.clone())
            .collect(),
    })
}

/// What counts for a layer: what is said of it, and how the cache's keys begin where it does not say
/// that itself.
fn with_inherited<'s>(words: &Words<'s>, own: &Words<'s>) -> Vec<&'s Said> {
    let mut effective = words.effective();
    for key in ["prefix", "version", "start_degraded"] {
        if words.on(key).is_none() {
            effective.extend(own.on(key));
        }
    }
    effective
}

/// Notes stores of which none can hold generations.
fn note_copies_alone(enabled: &[&(LayerName, Words<'_>)], mistakes: &mut Mistakes) -> Option<()> {
    let mut stores = enabled
        .iter()
        .filter(|(_, words)| words.provider(Rank::Code) != Some(Provider::Memory));
    let is_copy = |words: &Words<'_>| words.provider(Rank::Code) == Some(Provider::Http);
    let first = stores.clone().next();
    match first.and_then(|(_, words)| words.whereabouts(Rank::Code)) {
        Some(said) if stores.all(|(_, words)| is_copy(words)) => {
            mistakes.note(&said.place, || {
                "an `http` layer keeps copies only: it needs a layer beside it that can hold generations, like `redis`, `memcached`, `s3` or `file`"
                    .to_owned()
            });
            None
        }
        _ => Some(()),
    }
}
