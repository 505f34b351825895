//! The options of `#[cache_write]` as they are written.

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, LitStr};

use crate::errors::Errors;
use crate::options::{Known, Options, known};

const KNOWN: &[Known] = &[
    known("tags", "tags = [\"user:{id}\"]"),
    known("keys", "keys = [\"user:{id}\"]"),
    known("namespace", "namespace = \"{org}\""),
    known("put", "put = get_user(id)"),
    known("recache", "recache = [get_user(id)]"),
    known("recache_max_concurrency", "recache_max_concurrency = 4"),
    known("invalidate", "invalidate = \"on_ok\""),
    known("cache", "cache = \"sessions\""),
];

/// What the attribute says, undecided.
pub(super) struct Parsed {
    /// Tags that are expressions.
    pub(super) positional: Vec<Expr>,
    pub(super) tags: Option<Expr>,
    pub(super) keys: Option<Expr>,
    pub(super) namespace: Option<LitStr>,
    pub(super) put: Option<Expr>,
    pub(super) recache: Option<Expr>,
    pub(super) max_concurrency: Option<Expr>,
    pub(super) invalidate: Option<LitStr>,
    pub(super) cache: Option<LitStr>,
    pub(super) names: Names,
    /// Whether something that was not understood may have been meant to be invalidated.
    pub(super) is_broken: bool,
}

/// The options' names, where the lack of another option makes them wrong.
pub(super) struct Names {
    pub(super) namespace: Option<Ident>,
    pub(super) max_concurrency: Option<Ident>,
    /// Whether the option is there, be its value right or wrong.
    pub(super) has_keys: bool,
    pub(super) has_recache: bool,
}

impl Parsed {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::parse_attribute(tokens, KNOWN, errors);
        let names = Names {
            namespace: options.key("namespace").cloned(),
            max_concurrency: options.key("recache_max_concurrency").cloned(),
            has_keys: options.key("keys").is_some(),
            has_recache: options.key("recache").is_some(),
        };
        let tags = options.expr("tags", KNOWN, errors);
        let keys = options.expr("keys", KNOWN, errors);
        let put = options.expr("put", KNOWN, errors);
        let is_broken = !errors.is_empty();
        Self {
            tags,
            keys,
            put,
            namespace: options.string("namespace", KNOWN, errors),
            recache: options.expr("recache", KNOWN, errors),
            max_concurrency: options.expr("recache_max_concurrency", KNOWN, errors),
            invalidate: options.string("invalidate", KNOWN, errors),
            cache: options.string("cache", KNOWN, errors),
            positional: options.positional,
            names,
            is_broken,
        }
    }
}
