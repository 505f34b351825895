//! `#[derive(Projection)]`: parse, decide, check, expand.

mod check;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let item = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let parsed = parse::Parsed::parse(&item, &mut errors);
    let projection = model::Projection::decide(parsed, &item, &mut errors);
    check::check(&projection, &mut errors);
    let code = if errors.is_empty() {
        expand::expand(&projection)
    } else {
        expand::stub(&projection)
    };
    let errors = errors.into_tokens();
    quote!(#errors #code)
}
