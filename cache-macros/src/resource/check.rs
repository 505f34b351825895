//! What can be wrong in `resource!` beyond its syntax.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use syn::ext::IdentExt as _;

use super::model::{Entry, Resource};
use crate::errors::Errors;
use crate::function::Arg;
use crate::key::Key;

pub(super) fn check(resources: &[Resource], errors: &mut Errors) {
    check_distinct(
        "resource",
        resources.iter().map(|resource| &resource.name),
        errors,
    );
    for resource in resources {
        check_distinct(
            "entry",
            resource.entries.iter().map(|entry| &entry.name),
            errors,
        );
        for entry in &resource.entries {
            check_entry(resource, entry, errors);
        }
    }
}

fn check_entry(resource: &Resource, entry: &Entry, errors: &mut Errors) {
    let name = &entry.name;
    if name == "tag" {
        errors.on(
            name,
            format!(
                "`{}::tag` is the resource's tag: give the entry another name",
                resource.name
            ),
        );
    }
    let scope = entry.scope(resource);
    let before = errors.count();
    entry.key.check(&scope, errors);
    if let Some(namespace) = &entry.namespace {
        scope.check(namespace, errors);
    }
    if !entry.is_broken && errors.count() == before {
        check_coverage(resource, entry, errors);
    }
    for tag in &entry.tags {
        tag.check(&scope, errors);
    }
}

/// Every id and argument is in the key: two resources never share an entry.
fn check_coverage(resource: &Resource, entry: &Entry, errors: &mut Errors) {
    let in_key = entry.key_names();
    let missing = |args: &[Arg]| -> Vec<String> {
        let names = args
            .iter()
            .flat_map(|arg| &arg.names)
            .map(|name| name.unraw().to_string());
        names.filter(|name| !in_key.contains(name)).collect()
    };
    for id in missing(&resource.ids) {
        let message = format!("id `{id}` is not part of the key: add `{{{id}}}`");
        match &entry.key {
            Key::Template(template) => errors.on(&template.literal, message),
            Key::Parts(parts) => errors.on(parts, message),
            Key::Expr(expr) => errors.on(expr, message),
        }
    }
    for name in missing(&entry.args) {
        let arg = entry
            .args
            .iter()
            .flat_map(|arg| &arg.names)
            .find(|arg| arg.unraw() == name);
        errors.on(
            arg,
            format!("argument `{name}` is not part of the key: add `{{{name}}}`"),
        );
    }
}

fn check_distinct<'a>(what: &str, names: impl Iterator<Item = &'a Ident>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.unraw().to_string()) {
            errors.on(
                name,
                format!("{what} `{name}` is declared twice: give one another name"),
            );
        }
    }
}
