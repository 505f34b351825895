//! `resource!` with nothing left undecided.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Attribute, FnArg, Pat, PatIdent, Type, Visibility};

use super::parse;
use crate::errors::Errors;
use crate::function::Arg;
use crate::key::Key;
use crate::mentions::Names;
use crate::scope::{Scope, mentioned, parse_namespace};
use crate::tags::Tag;
use crate::template::{Hole, Piece, Template};
use crate::ttl::Ttl;

pub(super) struct Resource {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) ids: Vec<Arg>,
    /// The tag that all entries carry: `user:{user_id}`.
    pub(super) tag: Tag,
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Entry {
    pub(super) attrs: Vec<Attribute>,
    pub(super) name: Ident,
    pub(super) args: Vec<Arg>,
    pub(super) key: Key,
    pub(super) namespace: Option<Template>,
    /// Beside the resource's own.
    pub(super) tags: Vec<Tag>,
    pub(super) ttl: Option<Ttl>,
    pub(super) lock: bool,
    /// Whether the key that was meant was not understood: then nothing can be missed in it.
    pub(super) is_broken: bool,
}

impl Resource {
    pub(super) fn decide(parsed: parse::Resource, errors: &mut Errors) -> Self {
        let parse::Resource {
            attrs,
            vis,
            name,
            ids,
            entries,
        } = parsed;
        let has_ids = !ids.is_empty();
        let ids = decide_args(&ids, &[], errors);
        if !has_ids {
            errors.on(
                &name,
                format!("a resource has an id, as in `{name}(id: u64)`"),
            );
        }
        let tag = template([&name], ids.iter());
        let entries = entries
            .into_iter()
            .map(|entry| Entry::decide(entry, &name, &ids, errors))
            .collect();
        Self {
            attrs,
            vis,
            name,
            ids,
            tag: Tag::Template(tag),
            entries,
        }
    }

    pub(super) fn cfg_attrs(&self) -> impl Iterator<Item = &Attribute> {
        let attrs = self.attrs.iter();
        attrs.filter(|attr| attr.path().is_ident("cfg"))
    }
}

impl Entry {
    fn decide(parsed: parse::Entry, resource: &Ident, ids: &[Arg], errors: &mut Errors) -> Self {
        let args = decide_args(&parsed.args, ids, errors);
        let before = errors.count();
        let key = parsed.key.and_then(|key| Key::from_expr(key, errors));
        let key = key.unwrap_or_else(|| {
            Key::Template(template([resource, &parsed.name], ids.iter().chain(&args)))
        });
        let namespace = parsed
            .namespace
            .map(|literal| parse_namespace(&literal, errors));
        let is_broken = parsed.is_broken || errors.count() > before;
        let is_argument = |name: &str| {
            ids.iter()
                .chain(&args)
                .flat_map(|arg| &arg.names)
                .any(|known| known == name)
        };
        let ttl = parsed
            .ttl
            .and_then(|ttl| Ttl::from_expr(ttl, is_argument, errors));
        Self {
            attrs: parsed.attrs,
            name: parsed.name,
            key,
            namespace,
            tags: parsed
                .tags
                .map_or_else(Vec::new, |tags| Tag::list_from_expr(tags, errors)),
            ttl,
            lock: parsed.lock.unwrap_or(false),
            is_broken,
            args,
        }
    }

    /// The ids, and the entry's own arguments.
    pub(super) fn scope<'r>(&'r self, resource: &'r Resource) -> Scope<'r> {
        Scope {
            args: resource.ids.iter().chain(&self.args).collect(),
            receiver: None,
            has_ret: false,
            what: "id or argument",
        }
    }

    /// The names that decide which entry it is.
    pub(super) fn key_names(&self) -> Names {
        let mut names = self.key.names();
        names.extend(self.namespace.iter().flat_map(mentioned));
        names
    }
}

/// The arguments that can be used; `taken` are those that are there already.
fn decide_args(args: &[FnArg], taken: &[Arg], errors: &mut Errors) -> Vec<Arg> {
    let mut decided: Vec<Arg> = Vec::new();
    for arg in args {
        let arg = match arg {
            FnArg::Typed(arg) => arg,
            FnArg::Receiver(receiver) => {
                errors.on(receiver, "a resource has no `self`: name its ids");
                continue;
            }
        };
        let Pat::Ident(PatIdent {
            by_ref: None,
            mutability: None,
            subpat: None,
            ident,
            ..
        }) = &*arg.pat
        else {
            errors.on(&arg.pat, "an id has a plain name, as in `user_id: u64`");
            continue;
        };
        if let Type::ImplTrait(opaque) = &*arg.ty {
            errors.on(
                opaque,
                "an id has a type that can be named: write it out instead of `impl ..`",
            );
        } else if taken
            .iter()
            .chain(&decided)
            .any(|taken| taken.ident == *ident)
        {
            errors.on(
                ident,
                format!("`{ident}` is there already: give it another name, or leave it out"),
            );
        } else {
            decided.push(Arg::new(decided.len(), arg));
        }
    }
    decided
}

// Input:  user, profile, (user_id: u64)
// Output: "user:profile:{user_id}"
fn template<'a>(
    names: impl IntoIterator<Item = &'a Ident>,
    args: impl Iterator<Item = &'a Arg>,
) -> Template {
    let mut span = proc_macro2::Span::call_site();
    let mut text = String::new();
    for name in names {
        span = name.span();
        if !text.is_empty() {
            text.push(':');
        }
        text.push_str(&name.unraw().to_string());
    }
    let mut pieces = vec![Piece::Text(text)];
    for name in args.flat_map(|arg| &arg.names) {
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(':'),
            _ => pieces.push(Piece::Text(":".to_owned())),
        }
        pieces.push(Piece::Hole(Hole::plain(&name.unraw().to_string())));
    }
    Template::generated(span, pieces)
}
