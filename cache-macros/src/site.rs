//! How an annotated function makes itself known before `main`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::LitStr;

/// What is registered of a function.
pub(crate) struct Site<'a> {
    /// The variant of `larder::Role`.
    pub(crate) role: &'static str,
    pub(crate) function: String,
    pub(crate) key: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) cache: Option<&'a LitStr>,
}

impl Site<'_> {
    // Input:  #[cache_read(key = "user:{id}", tags = ["users"])] async fn get_user(..)
    // Output: static SITE: ::larder::Site =
    //             ::larder::Site::new(::larder::Role::Read, "path::to::get_user")
    //                 .key("user:{id}").tags(&["users"]);
    //         ::larder::__private::submit! { ::larder::__private::Registration(&SITE) }
    /// The items that go into a function's body; the static is called `name`.
    pub(crate) fn expand(&self, name: &Ident) -> TokenStream {
        let Self {
            role,
            function,
            key,
            tags,
            cache,
        } = self;
        let role = format_ident!("{role}");
        let suffix = format!("::{function}");
        let key = key.iter();
        let tags = (!tags.is_empty()).then(|| quote!(.tags(&[#(#tags),*])));
        let cache = cache.iter();
        quote! {
            static #name: ::larder::Site = ::larder::Site::new(
                ::larder::Role::#role,
                ::core::concat!(::core::module_path!(), #suffix),
            )
            #(.key(#key))* #tags #(.cache(#cache))*;
            ::larder::__private::submit! { ::larder::__private::Registration(&#name) }
        }
    }
}

/// What the static is called. An item, so its name is all that keeps it apart from the user's.
pub(crate) fn site_ident() -> Ident {
    Ident::new("__LARDER_SITE", proc_macro2::Span::call_site())
}
