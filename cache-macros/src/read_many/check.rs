//! What can be wrong in `#[cache_read_many]` beyond its syntax.

use std::collections::BTreeSet;

use syn::ext::IdentExt as _;
use syn::{ReceiverKind, Type};

use super::NAME;
use super::model::ReadMany;
use crate::errors::Errors;
use crate::mentions;
use crate::read::value::{self, ValueType};

pub(super) fn check(read: &ReadMany<'_>, errors: &mut Errors) {
    let before = errors.count();
    let scope = read.scope();
    read.key.check(&scope, errors);
    if let Some(namespace) = &read.namespace {
        scope.check(namespace, errors);
    }
    check_skip(read, errors);
    if !read.is_broken && errors.count() == before {
        check_coverage(read, errors);
    }
    check_lent(read, errors);
    if read.function.is_unsafe() {
        errors.on(
            &read.function.sig.safety,
            format!(
                "`#[{NAME}]` does not work on `unsafe` functions: annotate a safe one around it"
            ),
        );
    }
    if let ValueType::Known(ty) = value::of(&read.function.returned)
        && let Some(borrow) = value::find_borrow(&ty)
    {
        errors.at(
            borrow,
            "the values outlive the call and cannot borrow: return owned ones",
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
    for tag in &read.tags {
        tag.check(&scope, errors);
    }
    let all = read.items.arg.ident.unraw();
    for expr in read.exprs() {
        if mentions::of_expr(expr).contains(&all.to_string()) {
            let one = read.item.arg.ident.unraw();
            errors.on(
                expr,
                format!("this is asked for each item: say `{one}` instead of `{all}`"),
            );
        }
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

/// `skip` names arguments, once each, that are not in the key.
fn check_skip(read: &ReadMany<'_>, errors: &mut Errors) {
    let in_key = read.key_names();
    let mut seen = BTreeSet::new();
    for skipped in &read.skip {
        let name = skipped.unraw().to_string();
        let receiver = read.function.receiver();
        if !seen.insert(name.clone()) {
            errors.on(skipped, format!("`{name}` is skipped twice: leave one out"));
        } else if name == "self" && receiver.is_none() {
            errors.on(skipped, "there is no `self` here: leave it out");
        } else if in_key.contains(&name) {
            errors.on(
                skipped,
                format!("`{name}` is part of the key: take it out of `skip(..)`"),
            );
        } else if name != "self"
            && !read.function.has_name(&name)
            && !read.function.lacks_name(&name)
        {
            let hint = read.function.suggestion(&name);
            errors.on(skipped, format!("there is no argument `{name}`{hint}"));
        }
    }
}

/// Every argument but the items is in the key or skipped.
fn check_coverage(read: &ReadMany<'_>, errors: &mut Errors) {
    let in_key = read.key_names();
    for name in read.others().flat_map(|arg| &arg.names) {
        let text = name.unraw().to_string();
        if !in_key.contains(&text) && !read.skips(name) {
            errors.on(
                name,
                format!("argument `{text}` is not part of the key: add `{{{text}}}` or say `skip({text})`"),
            );
        }
    }
    let skips_self = read.skip.iter().any(|skipped| skipped == "self");
    if let Some(receiver) = read.function.receiver()
        && !in_key.contains("self")
        && !skips_self
    {
        errors.on(
            receiver.self_token,
            "`self` is not part of the key: add a field, as in `{self.tenant}`, or say `skip(self)`",
        );
    }
    for arg in read.others().filter(|arg| !arg.can_be_looked_into()) {
        for name in arg.names.iter().filter(|name| !read.skips(name)) {
            errors.on(
                name,
                format!("`{}` is bound by a pattern with `ref` or `&`: take the argument by a plain name", name.unraw()),
            );
        }
    }
}

/// The body may run a second time, for what another caller gave up: nothing is lent to it for good.
fn check_lent(read: &ReadMany<'_>, errors: &mut Errors) {
    for arg in read.others() {
        if let Type::Reference(reference) = &arg.ty
            && reference.mutability.is_some()
        {
            errors.on(
                &arg.ty,
                "a batch may run its body a second time, for what another caller gave up: take this by `&`, or something that is `Clone`",
            );
        }
    }
    if let Some(receiver) = read.function.receiver()
        && !read.function.has_shared_self()
        && matches!(receiver.kind, ReceiverKind::Reference(..))
    {
        errors.on(
            receiver.self_token,
            "a batch may run its body a second time, for what another caller gave up: take `&self`",
        );
    }
}
