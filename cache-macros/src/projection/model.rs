//! `#[derive(Projection)]` with nothing left undecided.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Field, Fields, Generics, Type};

use super::parse::{Parsed, is_ours};
use crate::errors::{Errors, did_you_mean, listed};
use crate::ttl::Ttl;

pub(super) struct Projection<'i> {
    pub(super) ident: &'i Ident,
    pub(super) generics: &'i Generics,
    pub(super) name: Name,
    /// `None` only where there was a mistake.
    pub(super) id: Option<Id<'i>>,
    pub(super) ttl: Option<Ttl>,
}

pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Span,
}

pub(super) struct Id<'i> {
    pub(super) field: &'i Ident,
    pub(super) ty: &'i Type,
    pub(super) given: Given,
}

/// How callers give an id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// A `String`, by `&str`.
    Text,
    /// A number, `bool` or `char`.
    Copied,
    /// Anything else, by reference.
    Borrowed,
}

impl<'i> Projection<'i> {
    pub(super) fn decide(parsed: Parsed, item: &'i DeriveInput, errors: &mut Errors) -> Self {
        let name = match parsed.name {
            Some(name) => Name {
                text: name.value(),
                span: name.span(),
            },
            None => Name {
                text: snake_case(&item.ident.unraw().to_string()),
                span: item.ident.span(),
            },
        };
        let id = fields(item, errors).and_then(|fields| {
            let field = match &parsed.id {
                Some(id) => field(&fields, &id.value(), id.span(), errors),
                None if parsed.is_broken => None,
                None => usual_field(&fields, &item.ident, errors),
            };
            field.map(|(ident, field)| Id {
                field: ident,
                ty: &field.ty,
                given: Given::of(&field.ty),
            })
        });
        Self {
            ident: &item.ident,
            generics: &item.generics,
            name,
            id,
            ttl: parsed
                .ttl
                .and_then(|ttl| Ttl::from_expr(ttl, |_| false, errors)),
        }
    }
}

impl Given {
    fn of(ty: &Type) -> Self {
        let path = match ty {
            Type::Path(path) => path,
            // A fragment of `macro_rules!`.
            Type::Group(group) => return Self::of(&group.elem),
            _ => return Self::Borrowed,
        };
        let written = path.path.segments.iter().map(|segment| &segment.ident);
        let written: Vec<String> = written.map(ToString::to_string).collect();
        let written: Vec<&str> = written.iter().map(String::as_str).collect();
        match written[..] {
            ["String"] | ["std" | "alloc", "string", "String"] => Self::Text,
            [
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
                | "i128" | "isize" | "bool" | "char",
            ] => Self::Copied,
            _ => Self::Borrowed,
        }
    }
}

type NamedField<'i> = (&'i Ident, &'i Field);

/// The fields by name, of which one is the id.
fn fields<'i>(item: &'i DeriveInput, errors: &mut Errors) -> Option<Vec<NamedField<'i>>> {
    let (fields, tokens) = match &item.data {
        Data::Struct(data) => (Some(&data.fields), None),
        Data::Enum(data) => (None, Some(data.enum_token.span)),
        Data::Union(data) => (None, Some(data.union_token.span)),
    };
    let Some(Fields::Named(named)) = fields else {
        errors.at(
            tokens.unwrap_or(item.ident.span()),
            "a projection is a struct with named fields, one of which is its id",
        );
        return None;
    };
    let fields: Vec<NamedField<'i>> = named
        .named
        .iter()
        .filter_map(|field| field.ident.as_ref().map(|ident| (ident, field)))
        .collect();
    for (ident, field) in &fields {
        for attribute in field.attrs.iter().filter(|attribute| is_ours(attribute)) {
            errors.on(
                attribute.path(),
                format!("`projection` stands at the struct: write `#[projection(id = \"{ident}\")]` there"),
            );
        }
    }
    Some(fields)
}

fn field<'i>(
    fields: &[NamedField<'i>],
    name: &str,
    span: Span,
    errors: &mut Errors,
) -> Option<NamedField<'i>> {
    let found = fields.iter().find(|(ident, _)| ident.unraw() == name);
    if found.is_none() {
        let names: Vec<String> = names(fields).collect();
        let names = names.iter().map(String::as_str);
        let mut hint = did_you_mean(name, names.clone());
        if hint.is_empty() && !fields.is_empty() {
            hint = format!("; there are {}", listed(names).replace(" or ", " and "));
        }
        errors.at(span, format!("there is no field `{name}`{hint}"));
    }
    found.copied()
}

/// The field `id`, where none is named.
fn usual_field<'i>(
    fields: &[NamedField<'i>],
    item: &Ident,
    errors: &mut Errors,
) -> Option<NamedField<'i>> {
    let found = fields.iter().find(|(ident, _)| *ident == "id");
    if found.is_none() {
        let likely = names(fields).find(|name| name.ends_with("id"));
        let likely = likely.unwrap_or_else(|| "order_id".to_owned());
        errors.on(
            item,
            format!(
                "there is no field `id`: say which one is, as in `#[projection(id = \"{likely}\")]`"
            ),
        );
    }
    found.copied()
}

fn names(fields: &[NamedField<'_>]) -> impl Iterator<Item = String> {
    fields.iter().map(|(ident, _)| ident.unraw().to_string())
}

/// `OrderSummary` to `order_summary`, `HTTPRoute2` to `http_route2`.
fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let begins_word = c.is_uppercase()
            && before.is_some_and(|before| {
                let after = characters.get(at + 1);
                before.is_lowercase()
                    || before.is_numeric()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_named_in_snake_case() {
        for (name, snake) in [
            ("OrderSummary", "order_summary"),
            ("Order", "order"),
            ("HTTPRoute", "http_route"),
            ("OrderV2Page", "order_v2_page"),
            ("already_snake", "already_snake"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }
}
