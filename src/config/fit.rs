//! What does not fit together: settings that mean nothing where they are said.

use super::key::{self, Belongs, Key};
use super::mistake::Mistakes;
use super::nearest::{is_slip, listed};
use super::setting::{Provider, Rank, Said, Setting, Size};
use super::words::{Shape, Words, shape};

/// Notes everything of it in what was said of a cache.
pub(super) fn note_misfits(name: &str, all: &[Said], mistakes: &mut Mistakes) {
    note_misnamed(name, all, mistakes);
    note_misplaced(name, all, mistakes);
    let own = Words::of(None, all);
    for said in all {
        // What is said in code, or in the short variables that all of one's programs may read, is for
        // wherever the program runs, and may wait for a store.
        if !matches!(said.rank, Rank::File | Rank::Variable) {
            continue;
        }
        let Some(key) = key::of(said.key) else {
            continue;
        };
        match (shape(all, said.rank), said.layer) {
            (Shape::Whole, None) => note_meaningless(&own, said, key, mistakes),
            (Shape::Whole, Some(_)) => note_layer_of_whole(&own, said, mistakes),
            (Shape::Layered, None) => note_whole_of_layers(name, said, key, mistakes),
            (Shape::Layered, layer) => {
                let words = Words::of(layer, all);
                if words.is_enabled() {
                    note_meaningless(&words, said, key, mistakes);
                }
            }
            (Shape::Unclear, _) => {}
        }
    }
    if shape(all, Rank::Code) == Shape::Whole && own.whereabouts(Rank::Code).is_none() {
        note_nowhere(&own, mistakes);
    }
    note_unclear(all, mistakes);
    note_doubled(all, mistakes);
    note_uncompressed(all, mistakes);
}

/// Notes a cache that only variables speak of, if the default one is meant.
fn note_misnamed(name: &str, all: &[Said], mistakes: &mut Mistakes) {
    let is_variable = |said: &Said| said.rank == Rank::Variable;
    if let Some(said) = all.first()
        && all.iter().all(is_variable)
        && is_slip(name, "default")
    {
        mistakes.note(&said.place, || {
            format!("nothing else speaks of a cache `{name}`: did you mean `default`?")
        });
    }
}

/// Notes what is said of a layer and is the cache's, and the other way round.
fn note_misplaced(name: &str, all: &[Said], mistakes: &mut Mistakes) {
    for said in all {
        match (key::of(said.key).map(|key| key.belongs), said.layer) {
            (Some(Belongs::Cache(why)), Some(_)) => mistakes.note(&said.place, || {
                format!(
                    "`{}` is the cache's, not a layer's, because {why}: say it in `[caches.{name}]`",
                    said.word
                )
            }),
            (Some(Belongs::Layer), None) => mistakes.note(&said.place, || {
                format!(
                    "`{}` is said of a layer, like `[caches.{name}.layers.l2]`",
                    said.word
                )
            }),
            _ => {}
        }
    }
}

/// Notes keys that only a store has a use for, where nobody says which: it would be process memory.
fn note_nowhere(own: &Words<'_>, mistakes: &mut Mistakes) {
    for said in own.effective() {
        let Some(key) = key::of(said.key) else {
            continue;
        };
        let is_noted = said.setting.is_none() || key.belongs == Belongs::Layer;
        if is_noted
            || key.used_by.contains(&Provider::Memory)
            || !matches!(said.rank, Rank::File | Rank::Variable)
        {
            continue;
        }
        mistakes.note(&said.place, || match key.used_by {
            [] => only_with_layers(said),
            [one] => format!(
                "`{}` has a meaning only for `{}`: say `provider = \"{1}\"`",
                said.word,
                one.name()
            ),
            _ => format!(
                "`{}` has a meaning only for {}: say where it is, like `uri = \"redis://localhost:6379/0\"`",
                said.word,
                users(key)
            ),
        });
    }
}

/// Notes a key that the provider has no use for, if who said the key knew the provider: whoever
/// overrides a provider need not take away what was said for the other one. What is switched off keeps
/// what it had.
fn note_meaningless(words: &Words<'_>, said: &Said, key: &Key, mistakes: &mut Mistakes) {
    let is_elsewheres = words
        .whereabouts(said.rank)
        .is_none_or(|said| said.rank == Rank::Fallback);
    if words.layer.is_none() && is_elsewheres {
        return;
    }
    let Some(provider) = words.provider(said.rank) else {
        return;
    };
    let is_others = match key.belongs {
        // These are noted where they are misplaced.
        Belongs::Cache(_) => words.layer.is_some(),
        Belongs::Layer => words.layer.is_none(),
        Belongs::Place | Belongs::Both => false,
    };
    if provider == Provider::Off || is_others || said.provider() == Some(provider) {
        return;
    }
    if !key.used_by.contains(&provider) {
        mistakes.note(&said.place, || match key.used_by {
            [] => only_with_layers(said),
            _ => format!(
                "`{}` has no meaning for `{}`, only for {}: leave it out",
                said.word,
                provider.name(),
                users(key)
            ),
        });
    }
    if let (Provider::Memory, Some(Setting::MaxSize(Size::Bytes(_)))) = (provider, &said.setting) {
        mistakes.note(&said.place, || {
            format!(
                "`{}` of process memory is a number of entries, without a unit: what a value weighs in memory is not known",
                said.word
            )
        });
    }
}

fn only_with_layers(said: &Said) -> String {
    format!(
        "`{}` has a meaning only for a cache with layers: leave it out",
        said.word
    )
}

/// Who has a use for the key.
fn users(key: &Key) -> String {
    if key.used_by.len() == Provider::STORES.len() {
        "stores".to_owned()
    } else {
        listed(key.used_by.iter().map(|provider| provider.name()))
    }
}

/// Notes what is said of a layer, where the cache is one store.
fn note_layer_of_whole(own: &Words<'_>, said: &Said, mistakes: &mut Mistakes) {
    let Some(whole) = own.whereabouts(said.rank) else {
        return;
    };
    mistakes.note(&said.place, || {
        format!(
            "the cache has no layers, because `{}` says where it is as a whole: leave one of them out",
            whole.word
        )
    });
}

/// Notes what is said of a cache, where only its layers have a use for it.
fn note_whole_of_layers(name: &str, said: &Said, key: &Key, mistakes: &mut Mistakes) {
    if key.belongs == Belongs::Place {
        mistakes.note(&said.place, || {
            format!(
                "`{}` belongs into a layer, where a cache has some, like `[caches.{name}.layers.{}]`",
                said.word,
                if key.used_by.contains(&Provider::Memory) { "l1" } else { "l2" }
            )
        });
    }
}

/// Notes where one source says that a cache is one store, and gives it layers.
fn note_unclear(all: &[Said], mistakes: &mut Mistakes) {
    for rank in [Rank::File, Rank::Variable] {
        let whole = Words::of(None, all).whereabouts(rank);
        if let (Shape::Unclear, Some(whole)) = (shape(all, rank), whole)
            && whole.rank == rank
        {
            mistakes.note(&whole.place, || {
                format!(
                    "`{}` says where the cache is as a whole, but it has layers: leave one of them out",
                    whole.word
                )
            });
        }
    }
}

/// Notes two keys for one thing.
fn note_doubled(all: &[Said], mistakes: &mut Mistakes) {
    for said in all {
        let other = match said.key {
            "urls" => "uri",
            "max_size" => "max_entries",
            _ => continue,
        };
        let is_twin =
            |twin: &&Said| (twin.layer, twin.rank, twin.key) == (said.layer, said.rank, other);
        if let Some(twin) = all.iter().find(is_twin) {
            mistakes.note(&said.place, || {
                format!("`{}` says the same: leave one of them out", twin.word)
            });
        }
    }
}

/// Notes from which size on values are compressed, where they are not.
fn note_uncompressed(all: &[Said], mistakes: &mut Mistakes) {
    let own = Words::of(None, all);
    let is_stores = match shape(all, Rank::Code) {
        Shape::Whole => own
            .provider(Rank::Code)
            .is_some_and(|provider| Provider::STORES.contains(&provider)),
        Shape::Layered | Shape::Unclear => true,
    };
    if let Some(above) = own.on("compress_above")
        && own.on("compression").is_none()
        && is_stores
    {
        mistakes.note(&above.place, || {
            "`compress_above` has no meaning without `compression`: say which one".to_owned()
        });
    }
}
