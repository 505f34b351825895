//! What can be wrong in `#[cache_write]` beyond its syntax.

use proc_macro2::Span;
use syn::{Expr, ExprLit, Lit};

use super::model::Write;
use super::put::Put;
use super::receiver;
use crate::errors::Errors;
use crate::key::Key;
use crate::mentions;
use crate::tags::Tag;

pub(super) fn check(write: &Write<'_>, errors: &mut Errors) {
    let scope = write.scope();
    for tag in &write.tags {
        tag.check(&scope, errors);
    }
    for key in &write.keys {
        key.check(&scope, errors);
    }
    if let Some(namespace) = &write.namespace {
        scope.check(namespace, errors);
    }
    let is_idle = write.tags.is_empty() && write.keys.is_empty() && write.puts.is_empty();
    if is_idle && !write.is_broken {
        errors.at(
            Span::call_site(),
            "this write invalidates nothing: name `tags` or `keys`, as in `tags = [\"user:{id}\"]`",
        );
    } else if let Some(namespace) = &write.idle_namespace {
        errors.on(namespace, "`namespace` is where `keys` are: there are none");
    }
    check_recache(write, errors);
    check_ret(write, errors);
    receiver::check(write, errors);
    if let Some(cache) = &write.cache
        && cache.value().is_empty()
    {
        errors.on(
            cache,
            "a cache has a name: leave `cache` out for the default one",
        );
    }
}

fn check_recache(write: &Write<'_>, errors: &mut Errors) {
    if let Some(word) = &write.idle_concurrency {
        errors.on(word, "there is no `recache` whose calls it could limit");
    }
    match &write.max_concurrency {
        Some(Expr::Lit(ExprLit {
            lit: Lit::Int(most),
            ..
        })) => {
            if most.base10_parse::<usize>().is_ok_and(|most| most == 0) {
                errors.on(most, "no call could ever run: allow at least one at a time");
            }
        }
        Some(Expr::Lit(other)) => {
            errors.on(other, "`recache_max_concurrency` is a number of calls");
        }
        Some(_) | None => {}
    }
}

/// `ret` stands for the returned value; templates are checked where their names are.
fn check_ret(write: &Write<'_>, errors: &mut Errors) {
    if !write.function.has_name("ret") {
        return;
    }
    let tags = write.tags.iter().filter_map(|tag| match tag {
        Tag::One(expr) | Tag::Many(expr) => Some(expr),
        Tag::Template(_) | Tag::Function(_) => None,
    });
    let keys = write.keys.iter().filter_map(|key| match key {
        Key::Expr(expr) => Some(expr),
        Key::Template(_) | Key::Parts(_) => None,
    });
    let puts = write.puts.iter().map(Put::expr);
    for expr in tags.chain(keys).chain(&write.recache).chain(puts) {
        if mentions::of_expr(expr).contains("ret") {
            errors.on(
                expr,
                "`ret` is the returned value here: give the argument `ret` another name",
            );
        }
    }
}
