//! `invalidate_on!("user.updated", tags = ["user:{user_id}"])`: what an event invalidates.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Member, PatType, Token, Type};

use super::handler::named;
use crate::errors::Errors;
use crate::function::Arg;
use crate::key::Key;
use crate::options::{Known, Options, known};
use crate::scope::{Scope, parse_namespace};
use crate::tags::Tag;
use crate::template::{Format, Piece, Template};

const KNOWN: &[Known] = &[
    known("tags", "tags = [\"user:{user_id}\"]"),
    known("keys", "keys = [\"user:{user_id}\"]"),
    known("namespace", "namespace = \"{org}\""),
    known("cache", "cache = \"sessions\""),
];

/// The variable that holds the event, where its type is given.
pub(super) const EVENT: &str = "event";

/// What is written, undecided.
pub(super) struct Parsed {
    event: Option<Expr>,
    payload: Option<Type>,
    options: Options,
    /// Whether something that was not understood may have been meant to be invalidated.
    is_broken: bool,
}

pub(super) fn parse(input: TokenStream, errors: &mut Errors) -> Option<Parsed> {
    let parsed = (|input: ParseStream<'_>| {
        if input.is_empty() {
            let message = "name the event, as in `invalidate_on!(\"user.updated\", tags = [..])`";
            return Err(syn::Error::new(Span::call_site(), message));
        }
        let event = named(input.parse()?, errors);
        let payload = match input.parse::<Option<Token![:]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        let before = errors.count();
        let options = Options::parse_attribute(input.parse()?, KNOWN, errors);
        Ok(Parsed {
            event,
            payload,
            options,
            is_broken: errors.count() > before,
        })
    })
    .parse2(input);
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

/// The same with nothing left undecided.
pub(super) struct Rule {
    pub(super) event: Option<Expr>,
    /// The argument `event`, where the event's type is given.
    pub(super) payload: Option<Arg>,
    pub(super) tags: Vec<Tag>,
    pub(super) keys: Vec<Key>,
    pub(super) namespace: Option<Template>,
    idle_namespace: Option<syn::Ident>,
    pub(super) cache: Option<LitStr>,
    is_broken: bool,
}

impl Rule {
    pub(super) fn decide(parsed: Parsed, errors: &mut Errors) -> Self {
        let Parsed {
            event,
            payload,
            mut options,
            is_broken,
        } = parsed;
        let before = errors.count();
        for extra in options.positional.drain(..) {
            errors.on(
                extra,
                "what is invalidated has a name, as in `tags = [\"user:{user_id}\"]`",
            );
        }
        let namespace_word = options.key("namespace").cloned();
        let has_keys = options.key("keys").is_some();
        let tags = match options.expr("tags", KNOWN, errors) {
            Some(tags) => Tag::list_from_expr(tags, errors),
            None => Vec::new(),
        };
        let keys = match options.expr("keys", KNOWN, errors) {
            Some(Expr::Array(keys)) => keys
                .elems
                .into_iter()
                .filter_map(|key| Key::from_expr(key, errors))
                .collect(),
            Some(other) => {
                errors.on(
                    other,
                    "keys are a list, as in `keys = [\"user:{user_id}\"]`",
                );
                Vec::new()
            }
            None => Vec::new(),
        };
        let namespace = options
            .string("namespace", KNOWN, errors)
            .map(|literal| parse_namespace(&literal, errors));
        let mut rule = Self {
            event,
            payload: payload.map(argument),
            tags,
            keys,
            namespace,
            idle_namespace: namespace_word.filter(|_| !has_keys),
            cache: options.string("cache", KNOWN, errors),
            is_broken: is_broken || errors.count() > before,
        };
        if rule.payload.is_some() {
            rule.templates().for_each(into_event);
        }
        rule
    }

    pub(super) fn check(&self, errors: &mut Errors) {
        if self.tags.is_empty() && self.keys.is_empty() && !self.is_broken {
            errors.at(
                Span::call_site(),
                "this invalidates nothing: name `tags` or `keys`, as in `tags = [\"user:{user_id}\"]`",
            );
        } else if let Some(namespace) = &self.idle_namespace {
            errors.on(namespace, "`namespace` is where `keys` are: there are none");
        }
        if let Some(cache) = &self.cache
            && cache.value().is_empty()
        {
            errors.on(
                cache,
                "a cache has a name: leave `cache` out for the default one",
            );
        }
        if self.payload.is_some() {
            return;
        }
        let expressions = self.tags.iter().filter_map(|tag| match tag {
            Tag::Template(_) => None,
            Tag::One(expr) | Tag::Many(expr) | Tag::Function(expr) => Some(expr.clone()),
        });
        let parts = self.keys.iter().filter_map(|key| match key {
            Key::Template(_) => None,
            Key::Parts(parts) => Some(Expr::Tuple(parts.clone())),
            Key::Expr(expr) => Some(expr.clone()),
        });
        for template in self.written() {
            for hole in template.holes().filter(|hole| hole.format != Format::Plain) {
                errors.at(
                    template.span_of(hole),
                    "a format needs the event's type, as in `invalidate_on!(\"user.updated\": UserUpdated, ..)`",
                );
            }
        }
        for expr in expressions.chain(parts) {
            errors.on(
                expr,
                "an expression needs the event's type, as in `invalidate_on!(\"user.updated\": UserUpdated, ..)`",
            );
        }
    }

    /// The names that templates and expressions can use: `event`.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            args: self.payload.iter().collect(),
            receiver: None,
            has_ret: false,
            what: "value",
        }
    }

    fn written(&self) -> impl Iterator<Item = &Template> {
        let tags = self.tags.iter().filter_map(|tag| match tag {
            Tag::Template(template) => Some(template),
            _ => None,
        });
        let keys = self.keys.iter().filter_map(|key| match key {
            Key::Template(template) => Some(template),
            _ => None,
        });
        tags.chain(keys).chain(&self.namespace)
    }

    fn templates(&mut self) -> impl Iterator<Item = &mut Template> {
        let tags = self.tags.iter_mut().filter_map(|tag| match tag {
            Tag::Template(template) => Some(template),
            _ => None,
        });
        let keys = self.keys.iter_mut().filter_map(|key| match key {
            Key::Template(template) => Some(template),
            _ => None,
        });
        tags.chain(keys).chain(&mut self.namespace)
    }
}

fn argument(ty: Type) -> Arg {
    let event = syn::Ident::new(EVENT, Span::call_site());
    let argument: PatType = syn::parse_quote!(#event: #ty);
    Arg::new(0, &argument)
}

// Input:  {user_id}
// Output: {event.user_id}
fn into_event(template: &mut Template) {
    for piece in &mut template.pieces {
        if let Piece::Hole(hole) = piece {
            let field = std::mem::replace(&mut hole.root, EVENT.to_owned());
            let span = Span::call_site();
            // Keywords can be fields, as raw identifiers.
            let name = syn::parse_str(&field).unwrap_or_else(|_| syn::Ident::new_raw(&field, span));
            hole.members.insert(0, Member::Named(name));
        }
    }
}
