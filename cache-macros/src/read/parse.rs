//! The options of `#[cache_read]` as they are written.

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, LitStr};

use super::freshness;
use crate::errors::Errors;
use crate::layers;
use crate::options::{Known, Options, known};

const KNOWN: &[Known] = &[
    known("key", "key = \"user:{id}\""),
    known("ttl", "ttl = 300"),
    known("tags", "tags = [\"user:{id}\"]"),
    known("namespace", "namespace = \"{org}\""),
    known("skip", "skip(db)"),
    known("lock", "lock"),
    known("cache", "cache = \"sessions\""),
    known("layer", "layer = \"l1\""),
    known("layers", "layers = [\"l1\", \"l3\"]"),
    known("cache_none", "cache_none = false"),
    known("cache_if", "cache_if = |value| value.is_complete"),
    known("cache_err", "cache_err = \"5s\""),
    known("ttl_of", "ttl_of = |value| value.max_age"),
    known("early_ttl", "early_ttl = \"4m\""),
    known("refresh", "refresh"),
    known("stale_for", "stale_for = \"1h\""),
    known("load_timeout", "load_timeout = \"200ms\""),
    known("jitter", "jitter = \"10%\""),
    known("associated", "associated"),
];

/// What the attribute says, undecided.
pub(super) struct Parsed {
    pub(super) positional: Vec<Expr>,
    pub(super) key: Option<Expr>,
    pub(super) ttl: Option<Expr>,
    pub(super) tags: Option<Expr>,
    pub(super) namespace: Option<LitStr>,
    pub(super) skip: Vec<Ident>,
    pub(super) lock: Option<bool>,
    pub(super) cache: Option<LitStr>,
    pub(super) layers: Option<layers::Said>,
    pub(super) cache_none: Option<bool>,
    pub(super) cache_if: Option<Expr>,
    pub(super) cache_err: Option<Expr>,
    pub(super) ttl_of: Option<Expr>,
    pub(super) freshness: freshness::Parsed,
    /// The word, where the function has an `impl` or `trait` around it that cannot be seen.
    pub(super) associated: Option<Ident>,
    /// The options' names, where another option can make them wrong.
    pub(super) names: Names,
    /// Whether something that was not understood may have been meant to be part of the key.
    pub(super) is_broken: bool,
}

#[derive(Default)]
pub(super) struct Names {
    pub(super) key: Option<Ident>,
    pub(super) namespace: Option<Ident>,
    pub(super) ttl_of: Option<Ident>,
    pub(super) lock: Option<Ident>,
}

impl Parsed {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::parse_attribute(tokens, KNOWN, errors);
        let names = Names {
            key: options.key("key").cloned(),
            namespace: options.key("namespace").cloned(),
            ttl_of: options.key("ttl_of").cloned(),
            lock: options.key("lock").cloned(),
        };
        let key = options.expr("key", KNOWN, errors);
        let namespace = options.string("namespace", KNOWN, errors);
        let skip = options.skipped(errors);
        let associated = options.key("associated").cloned();
        let associated = options
            .flag("associated", errors)
            .and_then(|is| associated.filter(|_| is));
        let is_broken = !errors.is_empty();
        Self {
            key,
            namespace,
            skip,
            ttl: options.expr("ttl", KNOWN, errors),
            tags: options.expr("tags", KNOWN, errors),
            lock: options.flag("lock", errors),
            cache: options.string("cache", KNOWN, errors),
            layers: layers::Said::take(&mut options, KNOWN, errors),
            cache_none: options.flag("cache_none", errors),
            cache_if: options.expr("cache_if", KNOWN, errors),
            cache_err: options.expr("cache_err", KNOWN, errors),
            ttl_of: options.expr("ttl_of", KNOWN, errors),
            freshness: freshness::Parsed::take(&mut options, KNOWN, errors),
            associated,
            positional: options.positional,
            names,
            is_broken,
        }
    }
}
