//! The graph with every name resolved: who reads what, and who invalidates it.

use super::declared::{Declaration, Entry, Resource};
use super::name::Name;
use super::named::{Named, Resolver, add_entry};
use super::templates::ValueType;
use super::{Graph, Unseen};
use crate::caches::DEFAULT;
use crate::site::Role;

#[derive(Debug)]
pub(super) struct Read {
    pub(super) declared: Declaration,
    pub(super) cache: &'static str,
    pub(super) named: Named,
    pub(super) value: Option<ValueType>,
    /// Whether the function's path and arguments are its key.
    pub(super) is_hashed: bool,
}

impl Read {
    /// Everything by whose name as a tag it can be invalidated.
    pub(super) fn reached_by(&self) -> impl Iterator<Item = &Name> {
        let has_tags = !self.named.tags.is_empty() || !self.named.implied.is_empty();
        // Invalidating a tag also deletes the key of that name, outside namespaces; without tags, the
        // key is its own.
        let keys = self.named.keys.iter();
        let keys = keys.filter(move |key| key.namespace.is_none() || !has_tags);
        self.named
            .tags
            .iter()
            .chain(&self.named.implied)
            .chain(keys.map(|key| &key.name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Write,
    /// `invalidate_on!`, for this event.
    Rule(&'static str),
    ByHand,
}

/// What invalidates.
#[derive(Debug)]
pub(super) struct Invalidator {
    pub(super) kind: Kind,
    pub(super) declared: Declaration,
    pub(super) cache: &'static str,
    pub(super) named: Named,
    /// The functions that it calls afterwards: as reads, where they are some.
    pub(super) recaches: Vec<(&'static str, Option<Declaration>)>,
}

impl Invalidator {
    /// The names of the tags and keys that it names.
    pub(super) fn said(&self) -> impl Iterator<Item = &Name> {
        let keys = self.named.keys.iter().map(|key| &key.name);
        self.named.tags.iter().chain(keys)
    }

    /// Whether the read's entry is unusable afterwards, for some values.
    pub(super) fn reaches(&self, read: &Read) -> bool {
        self.cache == read.cache
            && (self.named.tags.iter().any(|tag| {
                let mut names = read.reached_by();
                names.any(|name| name.overlaps(tag))
            }) || self.deletes(read))
    }

    /// Whether it deletes the read's key.
    pub(super) fn deletes(&self, read: &Read) -> bool {
        let mut keys = self.named.keys.iter();
        keys.any(|key| read.named.keys.iter().any(|other| other.overlaps(key)))
    }
}

/// Everything, in the order of the names.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) reads: Vec<Read>,
    pub(super) invalidators: Vec<Invalidator>,
    pub(super) resources: Vec<&'static Resource>,
    /// Functions for events, with their events.
    pub(super) handlers: Vec<(&'static str, Declaration)>,
    pub(super) unseen: Vec<Unseen>,
}

impl Model {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut resolver = Resolver {
            graph,
            unseen: Vec::new(),
        };
        let mut reads = Vec::new();
        let mut invalidators = Vec::new();
        let mut handlers = Vec::new();
        for site in &graph.sites {
            let (declared, templates) = (site.declared(), site.templates());
            let named = resolver.named(templates, declared);
            let cache = site.cache_name().unwrap_or(DEFAULT);
            match site.role() {
                Role::Read => reads.push(Read {
                    declared,
                    cache,
                    is_hashed: named.keys.is_empty() && !named.has_unseen_keys,
                    named,
                    value: templates.value.map(|value| value()),
                }),
                Role::Write => invalidators.push(Invalidator {
                    kind: Kind::Write,
                    declared,
                    cache,
                    named,
                    recaches: resolver.recaches(templates, declared),
                }),
            }
        }
        for handler in &graph.handlers {
            let Some(templates) = handler.rule() else {
                handlers.push((handler.event(), handler.declared()));
                continue;
            };
            invalidators.push(Invalidator {
                kind: Kind::Rule(handler.event()),
                declared: handler.declared(),
                cache: handler.cache_name().unwrap_or(DEFAULT),
                named: resolver.named(templates, handler.declared()),
                recaches: Vec::new(),
            });
        }
        for by_hand in &graph.by_hand {
            invalidators.push(Invalidator {
                kind: Kind::ByHand,
                declared: by_hand.declared,
                cache: by_hand.cache.unwrap_or(DEFAULT),
                named: resolver.named(&by_hand.templates, by_hand.declared),
                recaches: Vec::new(),
            });
        }
        let mut unseen = resolver.unseen;
        unseen.sort();
        reads.sort_by_key(|read| read.declared);
        invalidators.sort_by_key(|invalidator| (invalidator.kind, invalidator.declared));
        handlers.sort();
        let mut resources = graph.resources.clone();
        resources.sort_by_key(|resource| resource.declared);
        Self {
            reads,
            invalidators,
            resources,
            handlers,
            unseen,
        }
    }

    /// What the entry of a resource would have of a read that nobody wrote.
    pub(super) fn named_by_entry(&self, entry: &'static Entry) -> Named {
        let mut named = Named::default();
        let resources = self.resources.iter();
        let mut owners = resources.filter(|resource| holds(resource, entry));
        if let Some(resource) = owners.next() {
            add_entry(&mut named, resource, entry);
        }
        named
    }

    /// The functions that read the entry.
    pub(super) fn readers(&self, entry: &'static Entry) -> impl Iterator<Item = &Read> {
        let reads = self.reads.iter();
        reads.filter(move |read| refers(&read.named, entry))
    }

    /// Whether code says that it uses the entry.
    pub(super) fn is_used_by_hand(&self, entry: &'static Entry) -> bool {
        self.by_hand().any(|by_hand| refers(&by_hand.named, entry))
    }

    pub(super) fn is_read(&self, entry: &'static Entry) -> bool {
        self.readers(entry).next().is_some() || self.is_used_by_hand(entry)
    }

    pub(super) fn by_hand(&self) -> impl Iterator<Item = &Invalidator> {
        let all = self.invalidators.iter();
        all.filter(|invalidator| invalidator.kind == Kind::ByHand)
    }
}

fn refers(named: &Named, entry: &'static Entry) -> bool {
    let mut entries = named.entries.iter();
    entries.any(|referred| std::ptr::eq(*referred, entry))
}

fn holds(resource: &Resource, entry: &'static Entry) -> bool {
    let mut entries = resource.entries.iter();
    entries.any(|one| std::ptr::eq(one, entry))
}
