//! What the placeholders of a template stand for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Member;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use crate::errors::{Errors, did_you_mean};
use crate::function::{Arg, Function};
use crate::mentions::Names;
use crate::template::{Format, Hole, Piece, Template};

/// The names that templates and expressions can use in one attribute or entry.
pub(crate) struct Scope<'a> {
    pub(crate) args: Vec<&'a Arg>,
    /// The method's `self`.
    pub(crate) receiver: Option<&'a syn::Receiver>,
    /// Whether `ret` is the returned value.
    pub(crate) has_ret: bool,
    /// What a name stands for, in messages.
    pub(crate) what: &'static str,
}

/// What a template is rendered into: a namespace's literal text is escaped too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    KeyOrTag,
    Namespace,
}

impl<'a> Scope<'a> {
    pub(crate) fn of(function: &'a Function) -> Self {
        Self {
            args: function.args.iter().collect(),
            receiver: function.receiver(),
            has_ret: false,
            what: "argument",
        }
    }

    /// The same, where `ret` stands for what the function returned.
    pub(crate) fn with_ret(self) -> Self {
        Self {
            has_ret: true,
            ..self
        }
    }

    /// The argument that has `name` in its pattern, and the name as it is written there.
    pub(crate) fn find(&self, name: &str) -> Option<(&'a Arg, &'a Ident)> {
        self.args.iter().find_map(|arg| {
            arg.names
                .iter()
                .find(|known| known.unraw() == name)
                .map(|known| (*arg, known))
        })
    }

    /// The arguments that have one of `names` in their patterns.
    pub(crate) fn args_of(&self, names: &Names) -> impl Iterator<Item = &'a Arg> {
        self.args.iter().copied().filter(|arg| {
            arg.names
                .iter()
                .any(|name| names.contains(&name.unraw().to_string()))
        })
    }

    /// Makes the names of taken-apart arguments visible.
    pub(crate) fn look(&self, names: &Names) -> TokenStream {
        self.args_of(names).map(Arg::look).collect()
    }

    /// Reports placeholders that stand for nothing.
    pub(crate) fn check(&self, template: &Template, errors: &mut Errors) {
        for hole in template.holes() {
            let span = template.span_of(hole);
            let name = hole.root.as_str();
            if let Some((arg, _)) = self.find(name) {
                if self.has_ret && name == "ret" {
                    errors.at(
                        span,
                        "`{ret}` is the returned value here: give the argument `ret` another name",
                    );
                } else if !arg.can_be_looked_into() {
                    errors.at(
                        span,
                        format!("`{name}` is bound by `&` within a pattern: take the argument by a plain name"),
                    );
                }
            } else if name == "self" {
                if self.receiver.is_none() {
                    errors.at(span, "there is no `self` here");
                }
            } else if name == "ret" && self.has_ret {
            } else {
                let known: Vec<String> = self
                    .args
                    .iter()
                    .flat_map(|arg| &arg.names)
                    .map(|known| known.unraw().to_string())
                    .chain(self.has_ret.then(|| "ret".to_owned()))
                    .collect();
                let hint = did_you_mean(name, known.iter().map(String::as_str));
                errors.at(span, format!("there is no {} `{name}`{hint}", self.what));
            }
        }
    }

    // Input:  "user:{id}:{filter.page}"
    // Output: out.text("user:");
    //         out.value(::larder::__private::part!(id));
    //         out.text(":");
    //         out.value(::larder::__private::part!(filter.page));
    /// The statements that render a template with the writer `out`.
    pub(crate) fn render(&self, template: &Template, into: Into, out: &Ident) -> TokenStream {
        let mut statements = TokenStream::new();
        for (at, piece) in template.pieces.iter().enumerate() {
            statements.extend(match piece {
                Piece::Text(text) => {
                    // What an escaped character begins with is itself doubled, except where literal
                    // text is escaped as a whole.
                    let text = match into {
                        Into::KeyOrTag => text.replace('%', "%%"),
                        Into::Namespace => text.clone(),
                    };
                    quote!(#out.text(#text);)
                }
                Piece::Hole(hole) => {
                    let next = match template.pieces.get(at + 1) {
                        Some(Piece::Text(text)) => text.chars().next(),
                        _ => None,
                    };
                    self.value(template, hole, next, out)
                }
            });
        }
        statements
    }

    fn value(
        &self,
        template: &Template,
        hole: &Hole,
        next: Option<char>,
        out: &Ident,
    ) -> TokenStream {
        let literal = template.literal.span();
        let (place, blamed) = match self.find(&hole.root) {
            Some((arg, name)) => {
                let mut ident = name.clone();
                ident.set_span(name.span().located_at(literal));
                // What cannot be written into a key is the argument's type, unless a field is meant.
                let blamed = if hole.members.is_empty() {
                    arg.ty.span()
                } else {
                    literal
                };
                (ident, blamed)
            }
            None if hole.root == "self" => {
                let span = self
                    .receiver
                    .map_or(literal, |receiver| receiver.self_token.span());
                (Ident::new("self", span), literal)
            }
            None => (ret_ident(), literal),
        };
        let around = Span::mixed_site().located_at(literal);
        let members = hole.members.iter().map(|member| {
            let mut member = member.clone();
            match &mut member {
                Member::Named(name) => name.set_span(around),
                Member::Unnamed(index) => index.span = around,
            }
            quote_spanned!(around=> .#member)
        });
        let place = quote!(#place #(#members)*);
        // Located on the user's word, but not taken for the user's code by lints.
        let blamed = Span::mixed_site().located_at(blamed);
        let part = match &hole.format {
            Format::Plain => quote_spanned!(blamed=> ::larder::__private::part!(#place)),
            Format::Digits(format) => {
                let integer = quote_spanned!(blamed=> ::larder::__private::integer(&#place));
                let format = format!("{{:{format}}}");
                quote!(::core::format_args!(#format, #integer))
            }
            Format::Hash => {
                let part = quote_spanned!(blamed=> ::larder::__private::part!(#place));
                quote!(::larder::__private::ByHash(#part))
            }
            Format::Join => {
                let (item, to) = (local("item"), local("to"));
                let part = quote_spanned!(blamed=> ::larder::__private::part!(*#item));
                quote_spanned! {blamed=> ::larder::__private::list(
                    ::larder::__private::listed!(#place),
                    |#item, #to| ::larder::KeyPart::write(&#part, #to),
                )}
            }
        };
        match next {
            Some(next) if may_stand_in_a_value(next) => {
                quote_spanned!(blamed=> #out.value_before(#part, #next);)
            }
            _ => quote_spanned!(blamed=> #out.value(#part);),
        }
    }
}

/// What `ret` is called: templates and the user's expressions share the name.
pub(crate) fn ret_ident() -> Ident {
    Ident::new("ret", Span::call_site())
}

/// A local variable of the expansion, invisible to the user's code.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(&format!("__larder_{name}"), Span::mixed_site())
}

/// Whether values contain the character as it is, so that one which ends a value must be escaped in
/// it.
pub(crate) fn may_stand_in_a_value(character: char) -> bool {
    !character.is_ascii()
        || character.is_ascii_alphanumeric()
        || matches!(character, '-' | '_' | '.' | '~' | '@' | '+')
}

/// The names in a template's placeholders.
pub(crate) fn mentioned(template: &Template) -> Names {
    template.holes().map(|hole| hole.root.clone()).collect()
}

/// Reads a namespace, which is one segment of a key.
pub(crate) fn parse_namespace(literal: &syn::LitStr, errors: &mut Errors) -> Template {
    let namespace = Template::parse(literal, errors);
    if literal.value().is_empty() {
        errors.on(
            literal,
            "a namespace needs a name: leave `namespace` out for none",
        );
    }
    let has_holes = namespace.holes().next().is_some();
    for piece in &namespace.pieces {
        // With values beside it, an escaped literal could be taken for an escaped value.
        if let Piece::Text(text) = piece
            && let Some(odd) = text
                .chars()
                .find(|c| has_holes && !may_stand_in_a_value(*c))
        {
            errors.on(
                    literal,
                    format!("a namespace is one segment and cannot have `{odd}` beside a placeholder: use `-`, `_` or `.`"),
                );
        }
    }
    namespace
}
