//! `resource! { .. }`: parse, decide, check, expand.

mod check;
mod expand;
mod model;
mod parse;

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser as _;

use crate::errors::Errors;

pub(crate) fn declarations(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed =
        (|input: syn::parse::ParseStream<'_>| parse::resources(input, &mut errors)).parse2(input);
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    };
    let resources: Vec<model::Resource> = parsed
        .into_iter()
        .map(|resource| model::Resource::decide(resource, &mut errors))
        .collect();
    check::check(&resources, &mut errors);
    let code: TokenStream = if errors.is_empty() {
        resources.iter().map(expand::expand).collect()
    } else {
        let mut names = BTreeSet::new();
        let first = resources
            .iter()
            .filter(|resource| names.insert(resource.name.to_string()));
        first.map(expand::stub).collect()
    };
    let errors = errors.into_tokens();
    quote!(#errors #code)
}
