//! `#[cache_write(..)]`: parse, decide, check, expand.

mod check;
mod expand;
mod model;
mod parse;
mod put;
mod receiver;

use proc_macro2::TokenStream;
use quote::quote;

use crate::cfg;
use crate::errors::Errors;
use crate::function::Function;

const NAME: &str = "cache_write";

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(branches) = cfg::branches(NAME, &arguments, &item) {
        return branches;
    }
    let mut errors = Errors::default();
    let parsed = parse::Parsed::parse(arguments, &mut errors);
    let Some(function) = Function::parse(item.clone(), NAME, &mut errors) else {
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    function.check_awaits(NAME, &mut errors);
    let write = model::Write::decide(parsed, &function, &mut errors);
    check::check(&write, &mut errors);
    if errors.is_empty() {
        return expand::expand(&write);
    }
    // The function as it was written, so that one mistake gives one error.
    let errors = errors.into_tokens();
    quote!(#errors #item)
}
