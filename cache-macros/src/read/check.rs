//! What can be wrong in `#[cache_read]` beyond its syntax.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;

use super::model::{Read, Source};
use super::owned;
use super::value::{self, ValueType};
use crate::errors::Errors;
use crate::form::Form;
use crate::function::Function;
use crate::place::{self, Place};

pub(super) fn check(read: &Read<'_>, errors: &mut Errors) {
    let before = errors.count();
    check_templates(read, errors);
    check_skip(read, errors);
    if !read.is_broken && errors.count() == before {
        check_coverage(read, errors);
    }
    if let ValueType::Known(ty) = value::of(&read.function.returned)
        && let Some(borrow) = value::find_borrow(&ty)
    {
        errors.at(
            borrow,
            "the value outlives the call and cannot borrow: return an owned one",
        );
    }
    if let Some(word) = &read.idle_ttl {
        errors.on(word, "`ttl_of` says it for each value: leave `ttl` out");
    }
    if let Some(word) = &read.idle_lock {
        errors.on(
            word,
            "process memory is no other process's: leave `lock` out, one load at a time is the rule in it",
        );
    }
    read.freshness.check(read.ttl.as_ref(), errors);
    if let Some(word) = read.freshness.detaches() {
        if let Form::Plain = read.function.form {
            let name = read.function.name();
            errors.on(
                word,
                format!("`{word}` loads in the background, which a plain `fn` has nothing to do with: make `{name}` an `async fn`"),
            );
        }
        owned::check(read.function, word, errors);
    }
    let scope = read.scope();
    for tag in &read.tags {
        tag.check(&scope, errors);
    }
    if let Some(cache) = &read.cache
        && cache.value().is_empty()
    {
        errors.on(
            cache,
            "a cache has a name: leave `cache` out for the default one",
        );
    }
}

/// Whether the function is associated, as far as it says so; where it does not and its source shows
/// that it is, that is a mistake.
pub(crate) fn check_place(
    function: &mut Function,
    said: Option<&Ident>,
    attribute: &str,
    errors: &mut Errors,
) {
    let name = function.name();
    if function.is_associated {
        return;
    }
    match (said, place::of(Span::call_site())) {
        (None, Some(Place::Associated)) => {
            errors.on(
                &function.sig.ident,
                format!("`{name}` stands in an `impl` or `trait` but has no `self`: say so, as in `#[{attribute}(associated, ..)]`"),
            );
            function.is_associated = true;
        }
        (Some(word), Some(Place::Free)) => {
            errors.on(
                word,
                format!("`{name}` is in no `impl` or `trait`: leave `associated` out"),
            );
        }
        (said, _) => function.is_associated = said.is_some(),
    }
}

/// Placeholders of key and namespace.
fn check_templates(read: &Read<'_>, errors: &mut Errors) {
    let scope = read.scope();
    let namespace = match &read.source {
        Source::Key { key, namespace } => {
            key.check(&scope, errors);
            namespace
        }
        Source::Hashed { namespace } => namespace,
        Source::Spec(_) => &None,
    };
    if let Some(namespace) = namespace {
        scope.check(namespace, errors);
    }
}

/// `skip` names arguments, once each, that are not in the key.
fn check_skip(read: &Read<'_>, errors: &mut Errors) {
    let in_key = read.key_names();
    let mut seen = BTreeSet::new();
    for skipped in &read.skip {
        let name = skipped.unraw().to_string();
        if !seen.insert(name.clone()) {
            errors.on(skipped, format!("`{name}` is skipped twice: leave one out"));
        } else if name == "self" {
            if read.function.receiver().is_none() {
                errors.on(skipped, "there is no `self` here: leave it out");
            } else if in_key.contains("self") {
                errors.on(
                    skipped,
                    "`self` is part of the key: take it out of `skip(..)`",
                );
            }
        } else if read.function.lacks_name(&name) {
            // Configured away, and with it the need to skip it.
        } else if !read.function.has_name(&name) {
            let hint = read.function.suggestion(&name);
            errors.on(skipped, format!("there is no argument `{name}`{hint}"));
        } else if in_key.contains(&name) {
            errors.on(
                skipped,
                format!("`{name}` is part of the key: take it out of `skip(..)`"),
            );
        }
    }
}

/// Every argument is in the key or skipped: two calls that differ never share an entry unseen.
fn check_coverage(read: &Read<'_>, errors: &mut Errors) {
    let in_key = read.key_names();
    let is_spec = matches!(read.source, Source::Spec(_));
    for name in read.function.names() {
        let text = name.unraw().to_string();
        if in_key.contains(&text) || read.skips(name) {
            continue;
        }
        let fix = match &read.source {
            Source::Spec(_) => format!("pass it to the spec or say `skip({text})`"),
            _ => format!("add `{{{text}}}` or say `skip({text})`"),
        };
        errors.on(
            name,
            format!("argument `{text}` is not part of the key: {fix}"),
        );
    }
    let Some(receiver) = read.function.receiver() else {
        return;
    };
    let skips_self = read.skip.iter().any(|skipped| skipped == "self");
    if !in_key.contains("self") && !skips_self {
        let fix = if is_spec {
            "pass a field of it to the spec"
        } else {
            "add a field, as in `{self.tenant}`,"
        };
        errors.on(
            receiver.self_token,
            format!("`self` is not part of the key: {fix} or say `skip(self)`"),
        );
    }
    for arg in &read.function.args {
        // Hashed as a whole, so its names need not be seen from outside.
        if !matches!(read.source, Source::Hashed { .. }) && !arg.can_be_looked_into() {
            for name in arg.names.iter().filter(|name| !read.skips(name)) {
                errors.on(
                    name,
                    format!(
                        "`{}` is bound by `&` within a pattern: take the argument by a plain name",
                        name.unraw()
                    ),
                );
            }
        }
    }
}
