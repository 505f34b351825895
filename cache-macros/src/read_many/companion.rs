//! The companion of a free function: `get_users::key(7)`, `get_users::invalidate(&[7, 8])` and so on.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Generics, parse_quote};

use super::expand;
use super::model::ReadMany;
use super::pairs::paired;
use crate::generics::{only_used, turbofish};
use crate::layers::Layers;
use crate::mentions::Names;
use crate::scope::local;
use crate::site::site_ident;

// Input:  async fn get_users(ids: &[u64]) -> HashMap<u64, User> { BODY }
// Output: async fn get_users(ids: &[u64]) -> HashMap<u64, User> {
//             get_users::__read(::larder::Mode::Read, ids).await
//         }
//         struct get_users {}
//         impl get_users {
//             fn __site() -> &'static ::larder::Site { .. }
//             async fn __read(mode: ::larder::Mode, ids: &[u64]) -> HashMap<u64, User> { .. }
//             fn key(id: u64) -> ::larder::Key { .. }
//             ..
//         }
pub(super) fn expand(read: &ReadMany<'_>) -> TokenStream {
    let function = read.function;
    let (attrs, vis, sig, name) = (
        function.attrs_without_body(),
        &function.vis,
        function.signature(),
        &function.sig.ident,
    );
    let args: Vec<&Ident> = function.args.iter().map(|arg| &arg.ident).collect();
    let turbofish = turbofish(&sig.generics);
    // Passed on to a body that does not use it.
    let underscored = args
        .iter()
        .any(|arg| arg.to_string().starts_with('_'))
        .then(|| quote!(#[allow(clippy::used_underscore_binding)]));
    let cfg: Vec<_> = function.cfg_attrs().collect();
    let doc = format!(
        "The companion of [`{}()`]: its keys, and what can be done with the entries.",
        function.name()
    );
    let reading = reading(read);
    let companion = Companion::new(read, Bodies::Real).expand();
    let body = function.form.wrap(&quote! {
        #name::__read #turbofish(::larder::Mode::Read, #(#args),*).await
    });
    quote! {
        #(#attrs)* #underscored #vis #sig { #body }

        #(#cfg)*
        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code, missing_copy_implementations,
                missing_debug_implementations)]
        #vis struct #name {}

        #(#cfg)*
        #[allow(dead_code, single_use_lifetimes, unused_lifetimes, clippy::multiple_bound_locations, clippy::too_many_arguments,
                clippy::unused_async, clippy::used_underscore_binding)]
        impl #name {
            #reading
            #companion
        }
    }
}

/// The companion's signatures without the code: what stands for it beside an attribute with mistakes,
/// so that its uses are no mistakes too.
pub(super) fn stub(read: &ReadMany<'_>) -> TokenStream {
    let function = read.function;
    let (vis, name) = (&function.vis, &function.sig.ident);
    let cfg: Vec<_> = function.cfg_attrs().collect();
    let companion = Companion::new(read, Bodies::Missing).expand();
    quote! {
        #(#cfg)*
        #[allow(non_camel_case_types, dead_code, missing_docs)]
        #vis struct #name {}

        #(#cfg)*
        #[allow(dead_code, unused_variables)]
        impl #name { #companion }
    }
}

/// The lookup, which the function and `refresh` share.
fn reading(read: &ReadMany<'_>) -> TokenStream {
    let function = read.function;
    let name = site_ident();
    let site = expand::site(read).expand(&name);
    let mode = local("mode");
    let mut sig = function.value_signature();
    sig.ident = Ident::new("__read", Span::call_site());
    sig.inputs.insert(0, parse_quote!(#mode: ::larder::Mode));
    let lints = function.lint_attrs();
    let lookup = expand::lookup(read, &quote!(Self::__site()), &quote!(#mode));
    quote! {
        fn __site() -> &'static ::larder::Site { #site &#name }

        #(#lints)*
        #sig { #lookup }
    }
}

/// What the companion's functions have in common.
struct Companion<'r> {
    read: &'r ReadMany<'r>,
    bodies: Bodies,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    Real,
    /// For an attribute with mistakes.
    Missing,
}

/// Whether one item is taken in place of the items, or all.
#[derive(Clone, Copy)]
enum Taking {
    One,
    All,
}

impl<'r> Companion<'r> {
    fn new(read: &'r ReadMany<'r>, bodies: Bodies) -> Self {
        Self { read, bodies }
    }

    fn expand(&self) -> TokenStream {
        let (key, invalidate) = (self.key(), self.invalidate());
        let (prime, refresh, stats) = (self.prime(), self.refresh(), self.stats());
        quote!(#key #invalidate #prime #refresh #stats)
    }

    /// What is between the braces.
    fn body(&self, body: TokenStream) -> TokenStream {
        match self.bodies {
            Bodies::Real => body,
            Bodies::Missing => quote!(::core::unimplemented!()),
        }
    }

    /// The arguments that are mentioned, in the order of the function's, with the item or the items
    /// where these are.
    fn typed(&self, names: &Names, taking: Taking) -> TokenStream {
        let read = self.read;
        let scope = read.scope();
        let mentioned: Vec<_> = scope.args_of(names).map(|arg| &arg.ident).collect();
        let args = read.function.args.iter().filter_map(|arg| {
            if arg.ident == read.items.arg.ident {
                let ty = &read.items.ty;
                let (all, one) = (&arg.ident, read.item.given.typed());
                return Some(match taking {
                    Taking::One => one,
                    Taking::All => quote!(#all: &[#ty]),
                });
            }
            mentioned.contains(&&arg.ident).then(|| arg.typed())
        });
        quote!(#(#args,)*)
    }

    fn generics(&self, typed: &TokenStream) -> Generics {
        only_used(&self.read.function.sig.generics, typed)
    }

    // Output: fn key(id: u64) -> ::larder::Key { ::larder::Key::render(|out| { .. }) }
    fn key(&self) -> TokenStream {
        let vis = &self.read.function.vis;
        let typed = self.typed(&self.read.key_names(), Taking::One);
        let generics = self.generics(&typed);
        let clause = &generics.where_clause;
        let body = self.body(expand::key(self.read));
        quote! {
            /// The key of the entry of one item.
            #[must_use]
            #vis fn key #generics(#typed) -> ::larder::Key #clause { #body }
        }
    }

    // Output: async fn invalidate(ids: &[u64])
    //             -> Result<::larder::Invalidation, ::larder::Error>
    //         {
    //             let keys = ids.iter().map(|item| KEY).collect();
    //             ::larder::__private::invalidate_many(Self::__site(), keys).await
    //         }
    fn invalidate(&self) -> TokenStream {
        let vis = &self.read.function.vis;
        let typed = self.typed(&self.read.key_names(), Taking::All);
        let generics = self.generics(&typed);
        let clause = &generics.where_clause;
        let (items, keys) = (&self.read.items.arg.ident, local("keys"));
        let key = expand::key_of_item(self.read);
        let call = match self.read.layers {
            Layers::All | Layers::Only(_) => quote!(invalidate_many(Self::__site(), #keys).await),
            Layers::L1 => quote!(invalidate_many_near(Self::__site(), #keys)),
        };
        let body = self.body(quote! {
            let #keys = #items.iter().map(#key).collect();
            ::larder::__private::#call
        });
        quote! {
            /// Makes the entries of these items unusable, and every load of them that is under way.
            ///
            /// # Errors
            /// When the function's cache is not configured.
            #vis async fn invalidate #generics(#typed)
                -> ::core::result::Result<::larder::Invalidation, ::larder::Error> #clause
            {
                #body
            }
        }
    }

    // Output: async fn prime<'c>(id: u64, value: &User) -> Result<(), ::larder::Error>
    //         where User: ::larder::__private::ValueFor<'c> {
    //             ::larder::__private::prime(Self::__site(), SPEC.with_tags(..), value).await
    //         }
    /// Only where the return type says what a value is.
    fn prime(&self) -> Option<TokenStream> {
        let read = self.read;
        let value = paired(&read.function.returned)?;
        let vis = &read.function.vis;
        let mut names = read.key_names();
        names.extend(read.tag_names());
        names.extend(read.age_names());
        let typed = self.typed(&names, Taking::One);
        let mut generics = self.generics(&quote!(#typed #value));
        generics.params.insert(0, parse_quote!('__larder));
        let (asked, prime) = match read.layers {
            Layers::All | Layers::Only(_) => (quote!(ValueFor), quote!(prime)),
            Layers::L1 => (quote!(LocalFor), quote!(prime_near)),
        };
        let bounds = &mut generics.make_where_clause().predicates;
        bounds.push(parse_quote!(#value: ::larder::__private::#asked<'__larder>));
        let clause = &generics.where_clause;
        let given = Ident::new("value", Span::mixed_site());
        let spec = expand::tagged(read);
        let call = match read.layers {
            Layers::All | Layers::Only(_) => quote!(#prime(Self::__site(), #spec, #given).await),
            Layers::L1 => quote!(#prime(Self::__site(), #spec, #given)),
        };
        let body = self.body(quote!(::larder::__private::#call));
        Some(quote! {
            /// Stores the value of one item without a load.
            ///
            /// # Errors
            /// When the value cannot be encoded, the store does not take it, or the function's cache
            /// is not configured.
            #vis async fn prime #generics(#typed #given: &#value)
                -> ::core::result::Result<(), ::larder::Error> #clause
            {
                #body
            }
        })
    }

    // Output: async fn refresh(ids: &[u64]) -> HashMap<u64, User> {
    //             Self::__read(::larder::Mode::Refresh, ids).await
    //         }
    fn refresh(&self) -> TokenStream {
        let function = self.read.function;
        let vis = &function.vis;
        let mut sig = function.value_signature();
        sig.ident = Ident::new("refresh", Span::call_site());
        let turbofish = turbofish(&sig.generics);
        let args = function.args.iter().map(|arg| &arg.ident);
        let errors = function.returned_may_fail().then(|| {
            quote! {
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "The function's own."]
            }
        });
        let body = self.body(quote! {
            Self::__read #turbofish(::larder::Mode::Refresh, #(#args),*).await
        });
        quote! {
            /// Calls the function and puts what it returns in the entries' place; those that it does
            /// not return are gone.
            #errors
            #vis #sig { #body }
        }
    }

    fn stats(&self) -> TokenStream {
        let vis = &self.read.function.vis;
        let body = self.body(quote!(Self::__site().stats()));
        quote! {
            /// What the function's lookups and loads did so far: hits, misses and waits for each key,
            /// loads for each call of the function.
            #[must_use]
            #vis fn stats() -> ::larder::Stats { #body }
        }
    }
}
