//! `#[on_event("user.updated")]` on a function: what is registered.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, Safety, Token, Type};

use crate::errors::Errors;
use crate::function::Function;

/// A handler with nothing left undecided.
pub(super) struct Handler<'f> {
    pub(super) function: &'f Function,
    pub(super) event: Expr,
    /// The event's type, without the reference that the function may take it by.
    pub(super) payload: Type,
    pub(super) by_reference: bool,
}

/// The event's name, which is all that the attribute takes.
pub(super) fn event(arguments: TokenStream, errors: &mut Errors) -> Option<Expr> {
    let parsed = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(arguments);
    let mut arguments = match parsed {
        Ok(arguments) => arguments.into_iter(),
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let Some(name) = arguments.next() else {
        errors.at(
            Span::call_site(),
            "name the event, as in `#[on_event(\"user.updated\")]`",
        );
        return None;
    };
    for extra in arguments {
        errors.on(
            extra,
            "a handler takes one event and no options: annotate another function for another event",
        );
    }
    named(name, errors)
}

/// An event's name: a text, or a constant.
pub(super) fn named(name: Expr, errors: &mut Errors) -> Option<Expr> {
    match &name {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if text.value().is_empty() => {
            errors.on(text, "an event needs a name, as in `\"user.updated\"`");
            None
        }
        Expr::Lit(ExprLit {
            lit: Lit::Str(_), ..
        })
        | Expr::Path(_)
        | Expr::Group(_) => Some(name),
        other => {
            errors.on(
                other,
                "an event's name is a string literal or a constant, as in `\"user.updated\"`",
            );
            None
        }
    }
}

impl<'f> Handler<'f> {
    pub(super) fn decide(
        event: Option<Expr>,
        function: &'f Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let sig = &function.sig;
        function.check_awaits("on_event", errors);
        if let Safety::Unsafe(token) = &sig.safety {
            errors.on(
                token,
                "nobody can vouch for an `unsafe` handler: annotate a safe one around it",
            );
        }
        if let Some(receiver) = function.receiver() {
            errors.on(
                receiver,
                "a handler is a free function: it has nothing to call a method on",
            );
        }
        if let Some(parameter) = sig.generics.params.first() {
            errors.at(
                parameter.span(),
                "a handler has no parameters of types or lifetimes: name the event's type",
            );
        }
        let [argument] = &function.args[..] else {
            if function.receiver().is_none() {
                errors.at(
                    sig.ident.span(),
                    format!(
                        "a handler takes the event and nothing else, as in `{}(event: UserUpdated)`",
                        sig.ident
                    ),
                );
            }
            return None;
        };
        let (payload, by_reference) = match &argument.ty {
            Type::Reference(reference) if reference.mutability.is_none() => {
                ((*reference.elem).clone(), true)
            }
            other => (other.clone(), false),
        };
        Some(Self {
            function,
            event: event?,
            payload,
            by_reference,
        })
    }
}
