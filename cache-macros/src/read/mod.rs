//! `#[cache_read(..)]`: parse, decide, check, expand.

pub(crate) mod check;
mod companion;
mod expand;
pub(crate) mod freshness;
pub(crate) mod keep;
mod model;
mod owned;
mod parse;
pub(crate) mod value;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::function::Function;
use crate::{cfg, mentions};

pub(crate) const NAME: &str = "cache_read";

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(branches) = cfg::branches(NAME, &arguments, &item) {
        return branches;
    }
    let mut errors = Errors::default();
    let mentions_self_type = mentions::has_self_type(arguments.clone());
    let options = parse::Parsed::parse(arguments, &mut errors);
    let before = errors.count();
    let Some(mut function) = Function::parse(item.clone(), NAME, &mut errors) else {
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    function.is_associated |= mentions_self_type;
    check::check_place(
        &mut function,
        options.associated.as_ref(),
        NAME,
        &mut errors,
    );
    let can_be_cached = errors.count() == before && value::is_owned(&function.returned);
    let read = model::Read::decide(options, &function, &mut errors);
    check::check(&read, &mut errors);
    if errors.is_empty() {
        return expand::expand(&read);
    }
    // The function as it was written, so that one mistake gives one error.
    let errors = errors.into_tokens();
    let has_companion = can_be_cached && !function.is_associated;
    let companion = has_companion.then(|| companion::stub(&read));
    quote!(#errors #item #companion)
}
