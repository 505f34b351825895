//! `#[cache_read_many]` with nothing left undecided.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Expr, LitStr};

use super::NAME;
use super::item::{Item, Items};
use super::parse::Parsed;
use crate::errors::Errors;
use crate::function::{Arg, Function};
use crate::key::Key;
use crate::layers::Layers;
use crate::mentions::{self, Names};
use crate::read::freshness::Freshness;
use crate::read::keep::Question;
use crate::scope::{Scope, mentioned, parse_namespace};
use crate::tags::Tag;
use crate::template::Template;
use crate::ttl::Ttl;

pub(super) struct ReadMany<'f> {
    pub(super) function: &'f Function,
    pub(super) items: Items<'f>,
    pub(super) item: Item,
    pub(super) key: Key,
    pub(super) namespace: Option<Template>,
    pub(super) tags: Vec<Tag>,
    pub(super) ttl: Option<Ttl>,
    pub(super) lock: Option<bool>,
    pub(super) cache: Option<LitStr>,
    pub(super) layers: Layers,
    /// The word `lock` where there are no other processes to exclude.
    pub(super) idle_lock: Option<Ident>,
    pub(super) keeps_none: bool,
    pub(super) cache_if: Option<Question>,
    pub(super) ttl_of: Option<Question>,
    /// The word `ttl_of` beside a `ttl`, which it replaces.
    pub(super) idle_ttl: Option<Ident>,
    pub(super) freshness: Freshness,
    pub(super) skip: Vec<Ident>,
    /// Whether what the key is made of was not understood: then nothing can be missed in it.
    pub(super) is_broken: bool,
}

impl<'f> ReadMany<'f> {
    /// `None` without items, or without a name for one of them: then nothing else can be told.
    pub(super) fn decide(
        parsed: Parsed,
        function: &'f Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let before = errors.count();
        for extra in &parsed.positional {
            errors.on(
                extra,
                format!("`#[{NAME}]` takes its key by name, as in `key = \"user:{{id}}\"`"),
            );
        }
        let items = Items::find(function, &parsed.skip, errors);
        let namespace = parsed
            .namespace
            .map(|literal| parse_namespace(&literal, errors));
        let key = match parsed.key {
            Some(key) => Key::from_expr(key, errors),
            None => {
                if !parsed.is_broken && parsed.positional.is_empty() {
                    errors.at(
                        proc_macro2::Span::call_site(),
                        format!("`#[{NAME}]` needs a key that names an item, as in `key = \"user:{{id}}\"`"),
                    );
                }
                None
            }
        };
        let layers = Layers::decide(parsed.layers, &function.form, errors);
        let idle_lock = match (layers, parsed.lock) {
            (Layers::L1, Some(true)) => parsed.names.lock,
            _ => None,
        };
        let idle_ttl = parsed.ttl.is_some().then_some(parsed.names.ttl_of);
        let tags = parsed
            .tags
            .map_or_else(Vec::new, |tags| Tag::list_from_expr(tags, errors));
        let cache_if = parsed
            .cache_if
            .and_then(|question| Question::from_expr("cache_if", question, errors));
        let ttl_of = parsed
            .ttl_of
            .and_then(|question| Question::from_expr("ttl_of", question, errors));
        let freshness = Freshness::decide(parsed.freshness, errors);
        let item = match (&key, &items) {
            (Some(key), Some(items)) => Item::find(key, items, function, errors),
            _ => None,
        };
        let one = item.as_ref().map(|item| item.arg.ident.unraw().to_string());
        let is_argument = |name: &str| function.has_name(name) || one.as_deref() == Some(name);
        let ttl = parsed
            .ttl
            .and_then(|ttl| Ttl::from_expr(ttl, is_argument, errors));
        let is_broken = parsed.is_broken || errors.count() > before;
        Some(Self {
            function,
            items: items?,
            item: item?,
            key: key?,
            namespace,
            tags,
            ttl,
            lock: parsed.lock,
            cache: parsed.cache,
            layers,
            idle_lock,
            keeps_none: parsed.cache_none.unwrap_or(true),
            cache_if,
            ttl_of,
            idle_ttl: idle_ttl.flatten(),
            freshness,
            skip: parsed.skip,
            is_broken,
        })
    }

    /// The arguments but the items, and the item.
    pub(super) fn scope(&self) -> Scope<'_> {
        let mut scope = Scope::of(self.function);
        scope.args = self.others().chain([&self.item.arg]).collect();
        scope
    }

    /// The arguments but the items.
    pub(super) fn others(&self) -> impl Iterator<Item = &'f Arg> {
        let items = &self.items.arg.ident;
        let args = self.function.args.iter();
        args.filter(move |arg| arg.ident != *items)
    }

    pub(super) fn skips(&self, name: &Ident) -> bool {
        self.skip
            .iter()
            .any(|skipped| skipped.unraw() == name.unraw())
    }

    /// The names of all arguments that are not skipped, with the item for the items.
    pub(super) fn kept_names(&self) -> Names {
        let names = self.others().flat_map(|arg| &arg.names);
        names
            .filter(|name| !self.skips(name))
            .chain([&self.item.arg.ident])
            .map(|name| name.unraw().to_string())
            .collect()
    }

    /// The names that decide which entry it is.
    pub(super) fn key_names(&self) -> Names {
        let mut names = self.key.names();
        names.extend(self.namespace.iter().flat_map(mentioned));
        names
    }

    /// The names that the tags need.
    pub(super) fn tag_names(&self) -> Names {
        let all = self.kept_names();
        self.tags.iter().flat_map(|tag| tag.names(&all)).collect()
    }

    /// The names that decide how long an entry lives.
    pub(super) fn age_names(&self) -> Names {
        let mut names = self.freshness.names();
        names.extend(
            self.ttl
                .iter()
                .filter_map(Ttl::expr)
                .flat_map(mentions::of_expr),
        );
        names
    }

    /// The expressions in the attribute that may mention arguments, outside templates.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let tags = self.tags.iter().filter_map(|tag| match tag {
            Tag::One(expr) | Tag::Many(expr) => Some(expr),
            Tag::Template(_) | Tag::Function(_) => None,
        });
        tags.chain(self.ttl.iter().filter_map(Ttl::expr))
    }
}
