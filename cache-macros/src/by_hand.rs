//! `by_hand!("users", user::profile, cache = "sessions")`: what code does that no attribute shows.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, Lit};

use crate::errors::Errors;
use crate::options::{Known, Options, known};
use crate::site::Templates;
use crate::tags::Tag;

const KNOWN: &[Known] = &[known("cache", "cache = \"sessions\"")];

const EXAMPLE: &str = "as in `by_hand!(\"user:{id}\", user::profile)`";

// Input:  by_hand!("users", user::profile)
// Output: const _: () = {
//             static BY_HAND: ::larder::__private::ByHand = ::larder::__private::ByHand {
//                 declared: ::larder::Declaration::here(".."),
//                 templates: ::larder::__private::Templates::new()
//                     .tags(&["users"]).code(&[::larder::__private::Code::Spec("user::profile")]),
//                 cache: ::core::option::Option::None,
//             };
//             ::larder::__private::submit! { ::larder::__private::ByHandRegistration(&BY_HAND) }
//         };
pub(crate) fn declaration(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut options = Options::parse_attribute(input, KNOWN, &mut errors);
    let names = std::mem::take(&mut options.positional);
    if names.is_empty() && errors.is_empty() {
        let message = format!("name the tags and keys that code uses by itself, {EXAMPLE}");
        errors.at(Span::call_site(), message);
    }
    let mut templates = Templates::default();
    for name in names {
        match &name {
            Expr::Lit(ExprLit {
                lit: Lit::Str(_), ..
            }) => {
                let tag = Tag::from_expr(name, &mut errors);
                templates = templates.tags(&tag);
            }
            Expr::Path(_) | Expr::Call(_) => templates = templates.spec(&name),
            _ => errors.on(
                &name,
                format!("this is a template or the path of a resource's entry, {EXAMPLE}"),
            ),
        }
    }
    let cache = options.string("cache", KNOWN, &mut errors);
    if let Some(cache) = &cache
        && cache.value().is_empty()
    {
        errors.on(
            cache,
            "a cache has a name: leave `cache` out for the default one",
        );
    }
    if !errors.is_empty() {
        return errors.into_tokens();
    }
    let cache = match cache {
        Some(cache) => quote!(::core::option::Option::Some(#cache)),
        None => quote!(::core::option::Option::None),
    };
    quote! {
        const _: () = {
            static BY_HAND: ::larder::__private::ByHand = ::larder::__private::ByHand {
                declared: ::larder::Declaration::here(::core::concat!(
                    ::core::module_path!(), ", line ", ::core::line!(), ": by_hand!"
                )),
                templates: #templates,
                cache: #cache,
            };
            ::larder::__private::submit! { ::larder::__private::ByHandRegistration(&BY_HAND) }
        };
    }
}
