//! `#[cache_read_many(..)]`: parse, decide, check, expand.

mod check;
mod companion;
mod expand;
mod item;
mod model;
mod pairs;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::function::Function;
use crate::read::check::check_place;
use crate::{cfg, mentions};

pub(crate) const NAME: &str = "cache_read_many";

pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(branches) = cfg::branches(NAME, &arguments, &item) {
        return branches;
    }
    let mut errors = Errors::default();
    let mentions_self_type = mentions::has_self_type(arguments.clone());
    let options = parse::Parsed::parse(arguments, &mut errors);
    let Some(mut function) = Function::parse(item.clone(), NAME, &mut errors) else {
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    function.is_associated |= mentions_self_type;
    check_place(
        &mut function,
        options.associated.as_ref(),
        NAME,
        &mut errors,
    );
    function.check_awaits(NAME, &mut errors);
    let read = model::ReadMany::decide(options, &function, &mut errors);
    if let Some(read) = &read {
        check::check(read, &mut errors);
        if errors.is_empty() {
            return expand::expand(read);
        }
    }
    // The function as it was written, so that one mistake gives one error.
    let errors = errors.into_tokens();
    let companion = read
        .filter(|read| !read.function.is_associated)
        .map(|read| companion::stub(&read));
    quote!(#errors #item #companion)
}
