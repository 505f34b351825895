//! `#[cache_read]` with nothing left undecided.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Expr, LitStr};

use super::freshness::Freshness;
use super::keep::Question;
use super::parse::Parsed;
use crate::errors::Errors;
use crate::function::{Arg, Function};
use crate::key::Key;
use crate::layers::Layers;
use crate::mentions::{self, Names};
use crate::scope::{Scope, mentioned, parse_namespace};
use crate::tags::Tag;
use crate::template::{Piece, Template};
use crate::ttl::Ttl;

pub(super) struct Read<'f> {
    pub(super) function: &'f Function,
    pub(super) source: Source,
    /// In the order they are written; added to a spec's own.
    pub(super) tags: Vec<Tag>,
    pub(super) ttl: Option<Ttl>,
    pub(super) lock: Option<bool>,
    pub(super) cache: Option<LitStr>,
    pub(super) layers: Layers,
    /// The word `lock` where there are no other processes to exclude.
    pub(super) idle_lock: Option<Ident>,
    pub(super) keeps_none: bool,
    pub(super) cache_if: Option<Question>,
    /// How long an error is kept.
    pub(super) cache_err: Option<Ttl>,
    pub(super) ttl_of: Option<Question>,
    /// The word `ttl_of` beside a `ttl`, which it replaces.
    pub(super) idle_ttl: Option<Ident>,
    pub(super) freshness: Freshness,
    pub(super) skip: Vec<Ident>,
    /// Whether what the key is made of was not understood: then nothing can be missed in it.
    pub(super) is_broken: bool,
}

/// Where key, ttl and tags come from.
pub(super) enum Source {
    /// `key = ..`
    Key {
        key: Key,
        namespace: Option<Template>,
    },
    /// No key: the function's path and the hash of its arguments.
    Hashed { namespace: Option<Template> },
    /// `#[cache_read(user::profile(id))]`
    Spec(Expr),
}

impl Read<'_> {
    /// Whether what decides if a value is kept asks for more than the value.
    pub(super) fn keep_mentions_arguments(&self) -> bool {
        let questions = self.cache_if.iter().chain(&self.ttl_of);
        let names: Names = questions.flat_map(Question::names).collect();
        self.scope().args_of(&names).next().is_some()
    }

    /// The namespace, if it is the same for all arguments.
    pub(super) fn fixed_namespace(&self) -> Option<String> {
        match &self.source {
            Source::Key { namespace, .. } | Source::Hashed { namespace } => {
                let pieces = namespace.as_ref()?.pieces.iter();
                let texts = pieces.map(|piece| match piece {
                    Piece::Text(text) => Some(text.as_str()),
                    Piece::Hole(_) => None,
                });
                texts.collect()
            }
            Source::Spec(_) => None,
        }
    }
}

impl<'f> Read<'f> {
    pub(super) fn decide(parsed: Parsed, function: &'f Function, errors: &mut Errors) -> Self {
        let before = errors.count();
        let mut positional = parsed.positional.into_iter();
        let spec = positional.next();
        for extra in positional {
            errors.on(extra, "`#[cache_read]` takes one expression, a spec from `resource!`: name the option that this belongs to");
        }
        let namespace = parsed
            .namespace
            .map(|literal| parse_namespace(&literal, errors));
        let source = match (spec, parsed.key) {
            (Some(spec), _) => {
                if let Some(key) = parsed.names.key {
                    errors.on(key, "the key comes from the spec: leave `key` out");
                }
                if let Some(namespace) = parsed.names.namespace {
                    errors.on(
                        namespace,
                        "the namespace comes from the spec: leave `namespace` out",
                    );
                }
                if let Expr::Lit(literal) = &spec {
                    errors.on(
                        literal,
                        "a key is given by name, as in `key = \"user:{id}\"`",
                    );
                }
                Source::Spec(spec)
            }
            (None, Some(key)) => match Key::from_expr(key, errors) {
                Some(key) => Source::Key { key, namespace },
                None => Source::Hashed { namespace },
            },
            (None, None) => Source::Hashed { namespace },
        };
        let is_broken = parsed.is_broken || errors.count() > before;
        let is_argument = |name: &str| function.has_name(name);
        let layers = Layers::decide(parsed.layers, &function.form, errors);
        let idle_lock = match (layers, parsed.lock) {
            (Layers::L1, Some(true)) => parsed.names.lock,
            _ => None,
        };
        let idle_ttl = parsed
            .ttl
            .is_some()
            .then_some(parsed.names.ttl_of)
            .flatten();
        Self {
            function,
            source,
            tags: parsed
                .tags
                .map_or_else(Vec::new, |tags| Tag::list_from_expr(tags, errors)),
            ttl: parsed
                .ttl
                .and_then(|ttl| Ttl::from_expr(ttl, is_argument, errors)),
            lock: parsed.lock,
            cache: parsed.cache,
            layers,
            idle_lock,
            keeps_none: parsed.cache_none.unwrap_or(true),
            cache_if: parsed
                .cache_if
                .and_then(|question| Question::from_expr("cache_if", question, errors)),
            cache_err: parsed
                .cache_err
                .and_then(|ttl| Ttl::from_expr(ttl, is_argument, errors)),
            ttl_of: parsed
                .ttl_of
                .and_then(|question| Question::from_expr("ttl_of", question, errors)),
            idle_ttl,
            freshness: Freshness::decide(parsed.freshness, errors),
            skip: parsed.skip,
            is_broken,
        }
    }

    pub(super) fn scope(&self) -> Scope<'f> {
        Scope::of(self.function)
    }

    pub(super) fn skips(&self, name: &Ident) -> bool {
        self.skip
            .iter()
            .any(|skipped| skipped.unraw() == name.unraw())
    }

    /// The names of all arguments that are not skipped.
    pub(super) fn kept_names(&self) -> Names {
        let kept = self.function.names().filter(|name| !self.skips(name));
        kept.map(|name| name.unraw().to_string()).collect()
    }

    /// The names that decide which entry it is.
    pub(super) fn key_names(&self) -> Names {
        let (mut names, namespace) = match &self.source {
            Source::Key { key, namespace } => (key.names(), namespace.as_ref()),
            Source::Hashed { namespace } => (self.kept_names(), namespace.as_ref()),
            Source::Spec(spec) => (mentions::of_expr(spec), None),
        };
        names.extend(namespace.into_iter().flat_map(mentioned));
        names
    }

    /// The names that are needed as long as the entry's tags may be asked for.
    pub(super) fn tag_names(&self) -> Names {
        let all = self.kept_names();
        let mut names: Names = self.tags.iter().flat_map(|tag| tag.names(&all)).collect();
        if let Source::Spec(spec) = &self.source {
            names.extend(mentions::of_expr(spec));
        }
        names
    }

    /// The arguments that key, tags and ttl need: what the companion asks for.
    pub(super) fn companion_args(&self) -> Vec<&'f Arg> {
        let mut names = self.key_names();
        names.extend(self.tag_names());
        let ttls = self.ttl.iter().chain(&self.cache_err);
        names.extend(ttls.filter_map(Ttl::expr).flat_map(mentions::of_expr));
        names.extend(self.freshness.names());
        self.scope().args_of(&names).collect()
    }
}
