//! `#[cache_read(..)]`: parse, decide, check, expand.

mod check;
mod companion;
mod expand;
mod freshness;
mod keep;
mod model;
mod owned;
mod parse;
mod value;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::function::Function;

pub(crate) const NAME: &str = "cache_read";

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = parse::Parsed::parse(arguments, &mut errors);
    let before = errors.count();
    let Some(function) = Function::parse(item.clone(), NAME, &mut errors) else {
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    let can_be_cached = errors.count() == before && value::is_owned(&function.returned);
    let read = model::Read::decide(options, &function, &mut errors);
    check::check(&read, &mut errors);
    if errors.is_empty() {
        return expand::expand(&read);
    }
    // The function as it was written, so that one mistake gives one error.
    let errors = errors.into_tokens();
    let has_companion = can_be_cached && function.receiver().is_none();
    let companion = has_companion.then(|| companion::stub(&read));
    quote!(#errors #item #companion)
}
