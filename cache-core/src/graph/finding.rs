//! What can be wrong between declarations that are right each by itself.

use std::fmt;

use super::declared::Declaration;
use super::suggestion::Suggestion;
use crate::layer::LayerName;

/// A mistake that no function shows by itself. It displays as one sentence: what is wrong, where, and
/// how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finding {
    /// A tag that reads carry and nothing invalidates.
    UninvalidatedTag {
        /// The tag's template.
        tag: String,
        /// The cache that the reads use.
        cache: String,
        /// Who carries it.
        reads: Vec<Declaration>,
        /// What was probably meant.
        suggestion: Option<Suggestion>,
    },
    /// A tag that something invalidates and no read carries, nor has as its key.
    UnreadTag {
        /// The tag's template.
        tag: String,
        /// The cache in which it is invalidated.
        cache: String,
        /// Who invalidates it.
        writes: Vec<Declaration>,
        /// What was probably meant.
        suggestion: Option<Suggestion>,
    },
    /// A key that something invalidates and no read has.
    UnreadKey {
        /// The key's template, and its namespace.
        key: String,
        /// The cache in which it is invalidated.
        cache: String,
        /// Who invalidates it.
        writes: Vec<Declaration>,
        /// What was probably meant.
        suggestion: Option<Suggestion>,
    },
    /// Two functions whose values are of different types, under keys that can be the same.
    SharedKey {
        /// The functions.
        functions: [Declaration; 2],
        /// Their keys' templates, and namespaces.
        keys: [String; 2],
        /// The types of their values.
        types: [String; 2],
    },
    /// An entry of a `resource!` that no function reads.
    UnreadEntry {
        /// The entry.
        entry: Declaration,
    },
    /// A cache that a function names and nobody configured.
    UnknownCache {
        /// The name.
        cache: String,
        /// Who wants it.
        wanted_by: Declaration,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Layers that a function names and its cache does not have.
    UnknownLayer {
        /// The cache's name.
        cache: String,
        /// The layers.
        layers: Vec<LayerName>,
        /// Who wants them.
        wanted_by: Declaration,
        /// The layers that there are; none for a cache that is one store, or process memory.
        known: Vec<LayerName>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UninvalidatedTag {
                tag,
                cache,
                reads,
                suggestion,
            } => {
                let carry = if reads.len() == 1 { "carries" } else { "carry" };
                let reads = listed(reads);
                write!(
                    f,
                    "nothing invalidates the tag `{tag}` that {reads} {carry}"
                )?;
                match suggestion {
                    Some(other) => unlike(f, other, "invalidates", cache),
                    None => write!(
                        f,
                        ": name it in the `tags` of a write, leave it out, or say \
                         `larder::by_hand!({tag:?})` where code does it"
                    ),
                }
            }
            Self::UnreadTag {
                tag,
                cache,
                writes,
                suggestion,
            } => {
                let (writes, invalidate) = invalidating(writes);
                write!(
                    f,
                    "nothing carries the tag `{tag}` that {writes} {invalidate}"
                )?;
                match suggestion {
                    Some(other) => unlike(f, other, "carries", cache),
                    None => write!(
                        f,
                        ": name it in the `tags` of a read, leave it out, or say \
                         `larder::by_hand!({tag:?})` where code sets it"
                    ),
                }
            }
            Self::UnreadKey {
                key,
                cache,
                writes,
                suggestion,
            } => {
                let (writes, invalidate) = invalidating(writes);
                write!(
                    f,
                    "no function has the key `{key}` that {writes} {invalidate}"
                )?;
                match suggestion {
                    Some(other) => unlike(f, other, "has", cache),
                    None => write!(
                        f,
                        ": write it as the read does, its namespace too, leave it out, or name it in \
                         `larder::by_hand!(..)` where code sets it"
                    ),
                }
            }
            Self::SharedKey {
                functions: [one, other],
                keys: [key, other_key],
                types: [ty, other_ty],
            } => {
                if key == other_key {
                    write!(f, "{one} and {other} have the same key `{key}`")?;
                } else {
                    write!(
                        f,
                        "the keys `{key}` of {one} and `{other_key}` of {other} can be the same"
                    )?;
                }
                write!(
                    f,
                    " for values of different types, `{ty}` and `{other_ty}`: let one of them begin \
                     with another word"
                )
            }
            Self::UnreadEntry { entry } => {
                let (path, name) = entry.name.rsplit_once("::").unwrap_or(("", entry.name));
                let resource = path.rsplit("::").next().unwrap_or(path);
                write!(
                    f,
                    "nothing reads the entry {entry}: annotate the function that does with \
                     `#[cache_read({resource}::{name}(..))]`, leave the entry out, or say \
                     `larder::by_hand!({resource}::{name})` where code uses it"
                )
            }
            Self::UnknownCache {
                cache,
                wanted_by,
                known,
            } => write!(
                f,
                "there is no cache `{cache}`, which {wanted_by} wants: configure it, or name one of \
                 {}",
                known.join(", ")
            ),
            Self::UnknownLayer {
                layers,
                cache,
                wanted_by,
                known,
            } => {
                let (layers, known) = (names(layers, "and"), names(known, "or"));
                if known.is_empty() {
                    return write!(
                        f,
                        "the cache `{cache}` has no layers, of which {wanted_by} wants {layers}: give \
                         it some, or leave them out"
                    );
                }
                write!(
                    f,
                    "the cache `{cache}` has no {layers}, which {wanted_by} wants: configure it, or \
                     name {known}"
                )
            }
        }
    }
}

/// `l1`, `l1 and l3`, `l1, l2 and l3`, in backticks.
fn names(layers: &[LayerName], and: &str) -> String {
    let each: Vec<String> = layers.iter().map(|layer| format!("`{layer}`")).collect();
    match each.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {and} {last}", rest.join(", ")),
        _ => each.concat(),
    }
}

fn invalidating(writes: &[Declaration]) -> (String, &'static str) {
    let invalidate = if writes.len() == 1 {
        "invalidates"
    } else {
        "invalidate"
    };
    (listed(writes), invalidate)
}

/// What was probably meant, and does not fit.
fn unlike(f: &mut fmt::Formatter<'_>, other: &Suggestion, does: &str, cache: &str) -> fmt::Result {
    let Suggestion {
        name,
        declared,
        cache: home,
    } = other;
    if home == cache {
        write!(f, ", but {declared} {does} `{name}`: write both the same")
    } else {
        write!(
            f,
            " in the cache `{cache}`, but {declared} {does} it in the cache `{home}`: let both use the \
             same cache"
        )
    }
}

/// `a`, `a and b`, `a, b and c`; of many the first ones.
fn listed(all: &[Declaration]) -> String {
    const SHOWN: usize = 4;
    let mut each: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    if all.len() > SHOWN {
        each.push(format!("{} more", all.len() - SHOWN));
    }
    match each.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => each.concat(),
    }
}
