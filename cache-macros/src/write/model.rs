//! `#[cache_write]` with nothing left undecided.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Expr, LitStr};

use super::parse::Parsed;
use super::put::Put;
use crate::errors::{Errors, did_you_mean};
use crate::function::Function;
use crate::key::Key;
use crate::mentions::Names;
use crate::scope::{Scope, mentioned, parse_namespace};
use crate::tags::Tag;
use crate::template::Template;

pub(super) struct Write<'f> {
    pub(super) function: &'f Function,
    /// In the order they are written, those without a name first.
    pub(super) tags: Vec<Tag>,
    pub(super) keys: Vec<Key>,
    pub(super) namespace: Option<Template>,
    /// The word `namespace` when there are no keys for it.
    pub(super) idle_namespace: Option<Ident>,
    pub(super) puts: Vec<Put>,
    pub(super) recache: Vec<Expr>,
    pub(super) max_concurrency: Option<Expr>,
    /// The word `recache_max_concurrency` when there is no `recache` for it.
    pub(super) idle_concurrency: Option<Ident>,
    pub(super) when: When,
    pub(super) cache: Option<LitStr>,
    pub(super) is_broken: bool,
}

/// When the write invalidates.
#[derive(Clone, Copy)]
pub(super) enum When {
    Always,
    OnOk,
}

impl<'f> Write<'f> {
    pub(super) fn decide(parsed: Parsed, function: &'f Function, errors: &mut Errors) -> Self {
        let before = errors.count();
        let mut tags: Vec<Tag> = parsed
            .positional
            .into_iter()
            .filter_map(|tag| match tag {
                Expr::Lit(literal) => {
                    errors.on(
                        literal,
                        "a template is given by name, as in `tags = [\"user:{id}\"]`",
                    );
                    None
                }
                other => Tag::from_expr(other, errors),
            })
            .collect();
        tags.extend(
            parsed
                .tags
                .into_iter()
                .flat_map(|tags| Tag::list_from_expr(tags, errors)),
        );
        let keys = parsed
            .keys
            .map_or_else(Vec::new, |keys| keys_from_expr(keys, errors));
        let puts = parsed
            .put
            .map_or_else(Vec::new, |puts| Put::list_from_expr(puts, errors));
        let is_broken = parsed.is_broken || errors.count() > before;
        let idle = |word: Option<Ident>, is_used: bool| if is_used { None } else { word };
        Self {
            function,
            tags,
            keys,
            namespace: parsed
                .namespace
                .map(|literal| parse_namespace(&literal, errors)),
            idle_namespace: idle(parsed.names.namespace, parsed.names.has_keys),
            puts,
            recache: parsed
                .recache
                .map_or_else(Vec::new, |calls| calls_from_expr(calls, errors)),
            max_concurrency: parsed.max_concurrency,
            idle_concurrency: idle(parsed.names.max_concurrency, parsed.names.has_recache),
            when: parsed
                .invalidate
                .map_or(When::Always, |when| When::from_literal(&when, errors)),
            cache: parsed.cache,
            is_broken,
        }
    }

    /// Arguments, and what was returned.
    pub(super) fn scope(&self) -> Scope<'f> {
        Scope::of(self.function).with_ret()
    }

    pub(super) fn all_names(&self) -> Names {
        self.function
            .names()
            .map(|name| name.unraw().to_string())
            .collect()
    }

    /// The names that a key uses, its namespace's included.
    pub(super) fn key_names(&self, key: &Key) -> Names {
        let mut names = key.names();
        names.extend(self.namespace.iter().flat_map(mentioned));
        names
    }

    /// The names that a tag uses. A function of the arguments gets no `ret`.
    pub(super) fn tag_names(&self, tag: &Tag) -> Names {
        match tag {
            Tag::Function(_) => Names::new(),
            other => other.names(&Names::new()),
        }
    }
}

impl When {
    const WORDS: [&'static str; 2] = ["always", "on_ok"];

    fn from_literal(literal: &LitStr, errors: &mut Errors) -> Self {
        match literal.value().as_str() {
            "always" => Self::Always,
            "on_ok" => Self::OnOk,
            other => {
                let mut hint = did_you_mean(other, Self::WORDS);
                if hint.is_empty() {
                    hint = "; there are `\"always\"` and `\"on_ok\"`".to_owned();
                }
                errors.on(literal, format!("`{other}` is no time to invalidate{hint}"));
                Self::Always
            }
        }
    }
}

fn keys_from_expr(expr: Expr, errors: &mut Errors) -> Vec<Key> {
    match expr {
        Expr::Array(keys) => {
            if keys.elems.is_empty() {
                errors.on(
                    &keys,
                    "there are no keys in it: leave `keys` out, or name one",
                );
            }
            keys.elems
                .into_iter()
                .filter_map(|key| Key::from_expr(key, errors))
                .collect()
        }
        other => {
            errors.on(other, "keys are a list, as in `keys = [\"user:{id}\"]`");
            Vec::new()
        }
    }
}

fn calls_from_expr(expr: Expr, errors: &mut Errors) -> Vec<Expr> {
    let calls: Vec<Expr> = match expr {
        Expr::Array(calls) => {
            if calls.elems.is_empty() {
                errors.on(
                    &calls,
                    "there are no calls in it: leave `recache` out, or name one",
                );
            }
            calls.elems.into_iter().collect()
        }
        call => vec![call],
    };
    for call in &calls {
        match call {
            Expr::Call(_) | Expr::MethodCall(_) => {}
            Expr::Await(call) => {
                errors.on(
                    call.await_token,
                    "the call is awaited for you: leave `.await` out",
                );
            }
            other => errors.on(
                other,
                "a recache is a call, as in `recache = [get_user(id)]`",
            ),
        }
    }
    calls
}
