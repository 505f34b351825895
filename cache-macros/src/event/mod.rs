//! `#[on_event(..)]` and `invalidate_on!(..)`: parse, decide, check, expand.

mod expand;
mod handler;
mod rule;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::function::Function;

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let event = handler::event(arguments, &mut errors);
    let function = Function::parse(item.clone(), "on_event", &mut errors);
    let handler = function
        .as_ref()
        .and_then(|function| handler::Handler::decide(event, function, &mut errors));
    let registered = match &handler {
        Some(handler) if errors.is_empty() => expand::handler(handler),
        // The function alone, so that one mistake gives one error.
        _ => errors.into_tokens(),
    };
    quote!(#item #registered)
}

pub(crate) fn declaration(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let rule =
        rule::parse(input, &mut errors).map(|parsed| rule::Rule::decide(parsed, &mut errors));
    if let Some(rule) = &rule {
        rule.check(&mut errors);
    }
    match &rule {
        Some(rule) if errors.is_empty() => expand::rule(rule),
        _ => errors.into_tokens(),
    }
}
