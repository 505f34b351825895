//! The options of `#[cache_read_many]` as they are written.

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, LitStr};

use crate::errors::Errors;
use crate::layers;
use crate::options::{Known, Options, known, refused};
use crate::read::freshness;

const KNOWN: &[Known] = &[
    known("key", "key = \"user:{id}\""),
    known("ttl", "ttl = 300"),
    known("tags", "tags = [\"user:{id}\"]"),
    known("namespace", "namespace = \"{org}\""),
    known("skip", "skip(db)"),
    known("lock", "lock"),
    known("associated", "associated"),
    known("cache", "cache = \"sessions\""),
    known("layer", "layer = \"l1\""),
    known("layers", "layers = [\"l1\", \"l3\"]"),
    known("cache_none", "cache_none = false"),
    known("cache_if", "cache_if = |value| value.is_complete"),
    known("ttl_of", "ttl_of = |value| value.max_age"),
    known("refresh", "refresh"),
    known("stale_for", "stale_for = \"1h\""),
    known("jitter", "jitter = \"10%\""),
    refused(
        "early_ttl",
        "a batch does not load in the background: leave `early_ttl` out",
    ),
    refused(
        "load_timeout",
        "a batch does not load in the background: leave `load_timeout` out",
    ),
    refused(
        "cache_err",
        "an error of a batch is not that of one item, and is not kept: leave `cache_err` out",
    ),
];

/// What the attribute says, undecided.
pub(super) struct Parsed {
    pub(super) positional: Vec<Expr>,
    pub(super) key: Option<Expr>,
    pub(super) ttl: Option<Expr>,
    pub(super) tags: Option<Expr>,
    pub(super) namespace: Option<LitStr>,
    pub(super) skip: Vec<Ident>,
    /// The word `associated`, where it is said.
    pub(super) associated: Option<Ident>,
    pub(super) lock: Option<bool>,
    pub(super) cache: Option<LitStr>,
    pub(super) layers: Option<layers::Said>,
    pub(super) cache_none: Option<bool>,
    pub(super) cache_if: Option<Expr>,
    pub(super) ttl_of: Option<Expr>,
    pub(super) freshness: freshness::Parsed,
    /// The options' names, where another option can make them wrong.
    pub(super) names: Names,
    /// Whether something that was not understood may have been meant to be part of the key.
    pub(super) is_broken: bool,
}

#[derive(Default)]
pub(super) struct Names {
    pub(super) ttl_of: Option<Ident>,
    pub(super) lock: Option<Ident>,
}

impl Parsed {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::parse_attribute(tokens, KNOWN, errors);
        let names = Names {
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
            associated,
            ttl: options.expr("ttl", KNOWN, errors),
            tags: options.expr("tags", KNOWN, errors),
            lock: options.flag("lock", errors),
            cache: options.string("cache", KNOWN, errors),
            layers: layers::Said::take(&mut options, KNOWN, errors),
            cache_none: options.flag("cache_none", errors),
            cache_if: options.expr("cache_if", KNOWN, errors),
            ttl_of: options.expr("ttl_of", KNOWN, errors),
            freshness: freshness::Parsed::take(&mut options, KNOWN, errors),
            positional: options.positional,
            names,
            is_broken,
        }
    }
}
