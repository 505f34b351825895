//! Each kind of finding is looked for by one function.
//!
//! What cannot be seen may carry or invalidate anything in its cache, and values of unknown types may
//! look like any word or like none: what is wrong only in one of these cases is possible, not certain.

use std::collections::BTreeMap;

use super::Graph;
use super::declared::Declaration;
use super::finding::Finding;
use super::model::{Invalidator, Kind, Model, Read};
use super::name::{KeyName, Name};
use super::named::Named;
use super::report::Report;
use super::suggestion::{Suggestion, nearest};
use super::templates::ValueType;
use crate::caches::{Caches, DEFAULT};
use crate::layer::{LayerName, LayerSet};
use crate::spec::Layers;

type Check = fn(&Model, &mut Findings);

const CHECKS: &[Check] = &[
    uninvalidated_tags,
    unread_tags,
    unread_keys,
    shared_keys,
    unread_entries,
];

/// The findings so far.
#[derive(Default)]
struct Findings {
    certain: Vec<Finding>,
    possible: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, finding: Finding, is_certain: bool) {
        if is_certain {
            self.certain.push(finding);
        } else {
            self.possible.push(finding);
        }
    }
}

pub(super) fn check(graph: &Graph, caches: Option<&Caches>) -> Report {
    let model = Model::of(graph);
    let mut findings = Findings::default();
    for check in CHECKS {
        check(&model, &mut findings);
    }
    if let Some(caches) = caches {
        unknown_caches(graph, caches, &mut findings);
        unknown_layers(graph, caches, &mut findings);
    }
    let Findings {
        mut certain,
        mut possible,
    } = findings;
    certain.sort();
    possible.sort();
    Report::new(certain, possible, model.unseen)
}

fn uninvalidated_tags(model: &Model, findings: &mut Findings) {
    let mut tags: BTreeMap<_, (&Name, bool, Vec<Declaration>)> = BTreeMap::new();
    for read in &model.reads {
        for tag in &read.named.tags {
            if is_invalidated(model, read, tag) {
                continue;
            }
            let mut others = in_cache(&model.invalidators, read.cache);
            let is_certain = !others.any(|other| {
                let deletes = is_own(read, tag) && other.named.has_unseen_keys;
                other.named.has_unseen_tags || deletes
            });
            let (_, _, reads) = tags
                .entry((read.cache, &tag.shape))
                .or_insert_with(|| (tag, is_certain, Vec::new()));
            reads.push(read.declared);
        }
    }
    for ((cache, shape), (tag, is_certain, reads)) in tags {
        let mut all = model.invalidators.iter();
        let elsewhere = all.find(|other| carries(&other.named, tag));
        let elsewhere = elsewhere.map(|one| Suggestion::new(&tag.text, one.declared, one.cache));
        let unread = in_cache(&model.invalidators, cache).flat_map(|one| {
            let tags = one.named.tags.iter();
            let unread = tags.filter(|tag| !is_carried(model, one.cache, tag));
            unread.map(move |tag| (&*tag.shape, (tag, one)))
        });
        let nearly = || nearest(shape, unread).map(|(tag, one)| (&tag.text, one));
        let finding = Finding::UninvalidatedTag {
            tag: tag.text.clone(),
            cache: cache.to_owned(),
            reads: distinct(reads),
            suggestion: elsewhere
                .or_else(|| nearly().map(|(tag, one)| Suggestion::new(tag, one.declared, cache))),
        };
        findings.add(finding, is_certain);
    }
}

fn unread_tags(model: &Model, findings: &mut Findings) {
    let unread = unread(model);
    let mut tags: BTreeMap<_, (&Name, Vec<Declaration>)> = BTreeMap::new();
    for write in writes(model) {
        for tag in &write.named.tags {
            let is_of_unread = unread.iter().any(|named| carries(named, tag));
            if is_of_unread || is_carried(model, write.cache, tag) {
                continue;
            }
            let (_, writes) = tags
                .entry((write.cache, &tag.shape))
                .or_insert_with(|| (tag, Vec::new()));
            writes.push(write.declared);
        }
    }
    for ((cache, shape), (tag, writes)) in tags {
        let is_certain = !reads_in(model, cache)
            .map(|read| &read.named)
            .chain(by_hand_in(model, cache))
            .any(|named| named.has_unseen_tags || named.has_unseen_keys);
        let mut all = model.reads.iter();
        let elsewhere = all.find(|read| read.reached_by().any(|name| name.overlaps(tag)));
        let elsewhere = elsewhere.map(|read| Suggestion::new(&tag.text, read.declared, read.cache));
        let uninvalidated = reads_in(model, cache).flat_map(|read| {
            let tags = read.named.tags.iter();
            let left = tags.filter(|tag| !is_invalidated(model, read, tag));
            left.map(move |tag| (&*tag.shape, (tag, read)))
        });
        let nearly = || nearest(shape, uninvalidated).map(|(tag, read)| (&tag.text, read));
        let finding = Finding::UnreadTag {
            tag: tag.text.clone(),
            cache: cache.to_owned(),
            writes: distinct(writes),
            suggestion: elsewhere
                .or_else(|| nearly().map(|(tag, read)| Suggestion::new(tag, read.declared, cache))),
        };
        findings.add(finding, is_certain);
    }
}

fn unread_keys(model: &Model, findings: &mut Findings) {
    let unread = unread(model);
    let mut keys: BTreeMap<_, (&KeyName, Vec<Declaration>)> = BTreeMap::new();
    for write in writes(model) {
        for key in &write.named.keys {
            let has = |named: &Named| named.keys.iter().any(|other| other.overlaps(key));
            // What is done by hand is named without a namespace, keys like tags.
            let by_hand = |named: &Named| has(named) || carries(named, &key.name);
            if reads_in(model, write.cache).any(|read| has(&read.named))
                || by_hand_in(model, write.cache).any(by_hand)
                || unread.iter().any(has)
            {
                continue;
            }
            let (_, writes) = keys
                .entry((write.cache, key.to_string()))
                .or_insert_with(|| (key, Vec::new()));
            writes.push(write.declared);
        }
    }
    for ((cache, text), (key, writes)) in keys {
        let is_certain = !reads_in(model, cache)
            .map(|read| &read.named)
            .chain(by_hand_in(model, cache))
            .any(|named| named.has_unseen_keys);
        let all = || {
            let all = model.reads.iter();
            all.flat_map(|read| read.named.keys.iter().map(move |key| (key, read)))
        };
        let elsewhere = all().find(|(other, _)| other.overlaps(key));
        let here = all().filter(|(_, read)| read.cache == cache);
        // The same key in another namespace is the likeliest slip.
        let nearly = || nearest(&key.name.shape, here.map(|one| (&*one.0.name.shape, one)));
        let near = elsewhere.or_else(nearly);
        let finding = Finding::UnreadKey {
            key: text,
            cache: cache.to_owned(),
            writes: distinct(writes),
            suggestion: near
                .map(|(key, read)| Suggestion::new(key.to_string(), read.declared, read.cache)),
        };
        findings.add(finding, is_certain);
    }
}

fn shared_keys(model: &Model, findings: &mut Findings) {
    for (at, one) in model.reads.iter().enumerate() {
        for other in &model.reads[at + 1..] {
            let (Some(ty), Some(other_ty)) = (one.value, other.value) else {
                continue;
            };
            if one.cache != other.cache || ty.id == other_ty.id {
                continue;
            }
            let pairs = one.named.keys.iter().flat_map(|key| {
                let others = other.named.keys.iter();
                others.map(move |other| (key, other))
            });
            for (key, other_key) in pairs.filter(|(key, other)| key.overlaps(other)) {
                let finding = Finding::SharedKey {
                    functions: [one.declared, other.declared],
                    keys: [key.to_string(), other_key.to_string()],
                    types: type_names(ty, other_ty),
                };
                findings.add(finding, key.surely_overlaps(other_key));
            }
        }
    }
}

fn unread_entries(model: &Model, findings: &mut Findings) {
    let reads = model.reads.iter().map(|read| &read.named);
    let by_hand = model.by_hand().map(|by_hand| &by_hand.named);
    // A spec that was not found may be this entry's; it has both, as nothing else has.
    let is_certain = !reads
        .chain(by_hand)
        .any(|named| named.entries.is_empty() && named.has_unseen_keys && named.has_unseen_tags);
    for resource in &model.resources {
        for entry in resource.entries {
            if !model.is_read(entry) {
                let entry = entry.declared;
                findings.add(Finding::UnreadEntry { entry }, is_certain);
            }
        }
    }
}

fn unknown_caches(graph: &Graph, caches: &Caches, findings: &mut Findings) {
    let sites = graph.sites.iter();
    let sites = sites.map(|site| (site.cache_name(), site.declared()));
    let handlers = graph.handlers.iter();
    let handlers = handlers.map(|handler| (handler.cache_name(), handler.declared()));
    let by_hand = graph.by_hand.iter();
    let by_hand = by_hand.map(|by_hand| (by_hand.cache, by_hand.declared));
    for (cache, wanted_by) in sites.chain(handlers).chain(by_hand) {
        if let Some(cache) = cache.filter(|cache| caches.named(cache).is_err()) {
            let finding = Finding::UnknownCache {
                cache: cache.to_owned(),
                wanted_by,
                known: caches.names().map(str::to_owned).collect(),
            };
            findings.add(finding, true);
        }
    }
}

/// Process memory, as `layer = "l1"`, is in every cache.
fn unknown_layers(graph: &Graph, caches: &Caches, findings: &mut Findings) {
    for site in &graph.sites {
        let name = site.cache_name().unwrap_or(DEFAULT);
        let (Layers::Only(wanted), Ok(cache)) = (site.used_layers(), caches.named(name)) else {
            continue;
        };
        let known = cache.named_layers();
        let is_missing = |layer: &LayerName| known.is_none_or(|known| !known.contains(*layer));
        let missing: Vec<LayerName> = wanted.iter().filter(is_missing).collect();
        let is_off = !cache.keeps(LayerSet::ALL);
        if missing.is_empty() || is_off {
            continue;
        }
        let finding = Finding::UnknownLayer {
            layers: missing,
            cache: name.to_owned(),
            wanted_by: site.declared(),
            known: known.map_or_else(Vec::new, |known| known.iter().collect()),
        };
        // A cache without layers stands in for one that has some, on one's own machine or in tests, as
        // long as it keeps something for the function.
        findings.add(finding, known.is_some() || !cache.keeps(wanted));
    }
}

/// Whether something in the read's cache invalidates what carries the tag.
fn is_invalidated(model: &Model, read: &Read, tag: &Name) -> bool {
    in_cache(&model.invalidators, read.cache)
        .any(|other| carries(&other.named, tag) || (is_own(read, tag) && other.deletes(read)))
}

/// Whether the tag is nothing but the read's key.
fn is_own(read: &Read, tag: &Name) -> bool {
    let mut keys = read.named.keys.iter();
    keys.any(|key| key.name.shape == tag.shape)
}

/// Whether something in the cache is reached by the tag.
fn is_carried(model: &Model, cache: &str, tag: &Name) -> bool {
    let reached = |read: &Read| read.reached_by().any(|name| name.overlaps(tag));
    reads_in(model, cache).any(reached) || by_hand_in(model, cache).any(|named| carries(named, tag))
}

/// What is declared of entries that nobody reads: what invalidates those is not a mistake too.
fn unread(model: &Model) -> Vec<Named> {
    let entries = model.resources.iter().flat_map(|resource| resource.entries);
    let unread = entries.filter(|entry| !model.is_read(entry));
    unread.map(|entry| model.named_by_entry(entry)).collect()
}

fn writes(model: &Model) -> impl Iterator<Item = &Invalidator> {
    let all = model.invalidators.iter();
    all.filter(|invalidator| invalidator.kind != Kind::ByHand)
}

fn in_cache<'m>(all: &'m [Invalidator], cache: &str) -> impl Iterator<Item = &'m Invalidator> {
    all.iter().filter(move |one| one.cache == cache)
}

fn reads_in<'m>(model: &'m Model, cache: &str) -> impl Iterator<Item = &'m Read> {
    model.reads.iter().filter(move |read| read.cache == cache)
}

fn by_hand_in<'m>(model: &'m Model, cache: &str) -> impl Iterator<Item = &'m Named> {
    let by_hand = model.by_hand().filter(move |one| one.cache == cache);
    by_hand.map(|one| &one.named)
}

fn carries(named: &Named, tag: &Name) -> bool {
    let mut tags = named.tags.iter().chain(&named.implied);
    tags.any(|other| other.overlaps(tag))
}

fn distinct(mut all: Vec<Declaration>) -> Vec<Declaration> {
    all.sort();
    all.dedup();
    all
}

/// The types by their last names, or in full where those are the same.
fn type_names(one: ValueType, other: ValueType) -> [String; 2] {
    let (short, other_short) = (without_modules(one.name), without_modules(other.name));
    if short == other_short {
        [one.name.to_owned(), other.name.to_owned()]
    } else {
        [short, other_short]
    }
}

// Input:  core::option::Option<shop::User>
// Output: Option<User>
fn without_modules(name: &str) -> String {
    let is_of_path = |character: char| character.is_alphanumeric() || "_:".contains(character);
    let mut short = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_path(c)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        let next = after.find(is_of_path).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        short.push_str(between);
        rest = after;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_their_last_names() {
        for (full, short) in [
            ("u64", "u64"),
            ("alloc::string::String", "String"),
            ("core::option::Option<shop::User>", "Option<User>"),
            ("alloc::vec::Vec<(u8, a::b::C<'_>)>", "Vec<(u8, C<'_>)>"),
            ("[u8; 3]", "[u8; 3]"),
        ] {
            assert_eq!(without_modules(full), short);
        }
    }
}
