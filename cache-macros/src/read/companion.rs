//! The companion of a free function: `get_user::key(7)`, `get_user::invalidate(7)` and so on.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, parse_quote};

use super::model::{Read, Source};
use super::value::{self, ValueType};
use super::{expand, keep};
use crate::form::Form;
use crate::function::Arg;
use crate::generics::{only_used, turbofish};
use crate::layers::Layers;
use crate::scope::local;
use crate::site::site_ident;

// Input:  pub async fn get_user(id: u64) -> Result<User, DbError> { BODY }
// Output: pub async fn get_user(id: u64) -> Result<User, DbError> {
//             get_user::__read(::larder::Mode::Read, id).await
//         }
//         pub struct get_user {}
//         impl get_user {
//             fn __site() -> &'static ::larder::Site { .. }
//             async fn __read(mode: ::larder::Mode, id: u64) -> Result<User, DbError> { .. }
//             pub fn key(id: u64) -> ::larder::Key { .. }
//             ..
//         }
/// A braced struct takes the name only among types, so the function and it can share one.
pub(super) fn expand(read: &Read<'_>) -> TokenStream {
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
        "The companion of [`{}()`]: its key, and what can be done with the entry.",
        function.name()
    );
    let reading = reading(read);
    let companion = Companion::new(read, Bodies::Real).expand();
    let unsafety = calls_unsafe(read);
    let dot_await = function.dot_await();
    let body = function.form.wrap(&quote! {
        #name::__read #turbofish(::larder::Mode::Read, #(#args),*) #dot_await
    });
    quote! {
        #(#attrs)* #underscored #unsafety #vis #sig { #body }

        #(#cfg)*
        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code, missing_copy_implementations,
                missing_debug_implementations)]
        #vis struct #name {}

        #(#cfg)*
        #[allow(dead_code, single_use_lifetimes, unused_lifetimes, clippy::multiple_bound_locations, clippy::too_many_arguments, clippy::unused_async,
                clippy::used_underscore_binding)]
        impl #name {
            #reading
            #companion
        }
    }
}

/// An `unsafe` function hands its contract on: its call of the body is no block of its own.
fn calls_unsafe(read: &Read<'_>) -> Option<TokenStream> {
    let is_unsafe = read.function.is_unsafe();
    is_unsafe.then(|| quote!(#[allow(unsafe_op_in_unsafe_fn)]))
}

/// The companion's signatures without the code: what stands for it beside an attribute with mistakes,
/// so that its uses are no mistakes too.
pub(super) fn stub(read: &Read<'_>) -> TokenStream {
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
        impl #name {
            #companion
            #[doc(hidden)]
            #vis fn __site() -> &'static ::larder::Site { ::core::unimplemented!() }
        }
    }
}

/// The lookup, which the function and `refresh` share.
fn reading(read: &Read<'_>) -> TokenStream {
    let function = read.function;
    let (vis, name) = (&function.vis, site_ident());
    let site = expand::site(read).expand(&name);
    let mode = local("mode");
    let mut sig = function.value_signature();
    sig.ident = Ident::new("__read", Span::call_site());
    sig.inputs.insert(0, parse_quote!(#mode: ::larder::Mode));
    let lints = function.lint_attrs();
    let lookup = expand::lookup(read, &quote!(Self::__site()), &quote!(#mode));
    quote! {
        #[doc(hidden)]
        #[must_use]
        #vis fn __site() -> &'static ::larder::Site { #site &#name }

        #(#lints)*
        #sig { #lookup }
    }
}

/// What the companion's functions have in common.
struct Companion<'r> {
    read: &'r Read<'r>,
    args: Vec<&'r Arg>,
    typed: TokenStream,
    bodies: Bodies,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    Real,
    /// For an attribute with mistakes.
    Missing,
}

impl<'r> Companion<'r> {
    fn new(read: &'r Read<'r>, bodies: Bodies) -> Self {
        let args = read.companion_args();
        let each = args.iter().map(|arg| arg.typed());
        let typed = quote!(#(#each,)*);
        Self {
            read,
            args,
            typed,
            bodies,
        }
    }

    /// `async`, unless the function is plain.
    fn asyncness(&self) -> Option<TokenStream> {
        let is_plain = matches!(self.read.function.form, Form::Plain);
        (!is_plain).then(|| quote!(async))
    }

    /// What is between the braces.
    fn body(&self, body: TokenStream) -> TokenStream {
        match self.bodies {
            Bodies::Real => body,
            Bodies::Missing => quote!(::core::unimplemented!()),
        }
    }

    fn is_hashed(&self) -> bool {
        matches!(self.read.source, Source::Hashed { .. })
    }

    fn expand(&self) -> TokenStream {
        let (key, invalidate) = (self.key(), self.invalidate());
        let (peek, prime, refresh, stats) =
            (self.peek(), self.prime(), self.refresh(), self.stats());
        let put = self.put();
        quote!(#key #invalidate #peek #prime #refresh #stats #put)
    }

    /// The generics that the arguments and `more` need; all of them where they are hashed.
    fn generics(&self, more: &TokenStream) -> Generics {
        let typed = &self.typed;
        let all = &self.read.function.sig.generics;
        if self.is_hashed() {
            all.clone()
        } else {
            only_used(all, &quote!(#typed #more))
        }
    }

    // Output: pub fn key(id: u64) -> ::larder::Key { ::larder::Key::render(|out| { .. }) }
    fn key(&self) -> TokenStream {
        let vis = &self.read.function.vis;
        let typed = &self.typed;
        let generics = self.generics(&TokenStream::new());
        let clause = &generics.where_clause;
        let unused = expand::unused(&self.args, &self.read.key_names());
        let key = expand::key(self.read);
        let (must_use, returned, errors) = if self.is_hashed() {
            let errors = quote! {
                #[doc = ""]
                #[doc = "# Errors"]
                #[doc = "`larder::Error::Key` when the arguments do not serialize."]
            };
            (
                None,
                quote!(::core::result::Result<::larder::Key, ::larder::Error>),
                Some(errors),
            )
        } else {
            (Some(quote!(#[must_use])), quote!(::larder::Key), None)
        };
        let body = self.body(quote!(#unused #key));
        quote! {
            /// The key of the entry.
            #errors
            #must_use
            #vis fn key #generics(#typed) -> #returned #clause { #body }
        }
    }

    // Output: pub async fn invalidate(id: u64) -> Result<::larder::Invalidation, ::larder::Error> {
    //             ::larder::__private::invalidate(Self::__site(), KEY).await
    //         }
    fn invalidate(&self) -> TokenStream {
        let (vis, asyncness) = (&self.read.function.vis, self.asyncness());
        let typed = &self.typed;
        let generics = self.generics(&TokenStream::new());
        let clause = &generics.where_clause;
        let unused = expand::unused(&self.args, &self.read.key_names());
        let key = expand::key(self.read);
        let question = self.is_hashed().then(|| quote!(?));
        let made = local("key");
        let call = match self.read.layers {
            Layers::All | Layers::Only(_) => {
                quote!(::larder::__private::invalidate(Self::__site(), #made).await)
            }
            Layers::L1 => quote!(::larder::__private::invalidate_near(Self::__site(), #made)),
        };
        let body = self.body(quote! {
            #unused
            let #made = #key #question;
            #call
        });
        quote! {
            /// Makes the entry unusable, and every load of it that is under way.
            ///
            /// # Errors
            /// When the function's cache is not configured.
            #vis #asyncness fn invalidate #generics(#typed)
                -> ::core::result::Result<::larder::Invalidation, ::larder::Error> #clause
            {
                #body
            }
        }
    }

    // Output: pub async fn peek<'c>(id: u64) -> Result<Option<User>, ::larder::Error>
    //         where User: ::larder::__private::ValueFor<'c> {
    //             ::larder::__private::peek(Self::__site(), SPEC).await
    //         }
    fn peek(&self) -> TokenStream {
        let (vis, asyncness) = (&self.read.function.vis, self.asyncness());
        let typed = &self.typed;
        let Valued { value, generics } = self.valued();
        let clause = &generics.where_clause;
        let (eager, spec) = self.spec();
        let call = match self.read.layers {
            Layers::All | Layers::Only(_) => {
                quote!(::larder::__private::peek(Self::__site(), #spec).await)
            }
            Layers::L1 => quote!(::larder::__private::peek_near(Self::__site(), #spec)),
        };
        let body = self.body(quote!(#eager #call));
        quote! {
            /// The entry's value, if there is a usable one. Never loads.
            ///
            /// # Errors
            /// When the store does not answer, or the function's cache is not configured.
            #vis #asyncness fn peek #generics(#typed)
                -> ::core::result::Result<::core::option::Option<#value>, ::larder::Error> #clause
            {
                #body
            }
        }
    }

    // Output: pub async fn prime<'c>(id: u64, value: &User) -> Result<(), ::larder::Error>
    //         where User: ::larder::__private::ValueFor<'c> {
    //             ::larder::__private::prime(Self::__site(), SPEC, value).await
    //         }
    fn prime(&self) -> TokenStream {
        let (vis, asyncness) = (&self.read.function.vis, self.asyncness());
        let typed = &self.typed;
        let Valued { value, generics } = self.valued();
        let clause = &generics.where_clause;
        let (eager, spec) = self.spec();
        let given = Ident::new("value", Span::mixed_site());
        let call = match self.read.layers {
            Layers::All | Layers::Only(_) => {
                quote!(::larder::__private::prime(Self::__site(), #spec, #given).await)
            }
            Layers::L1 => quote!(::larder::__private::prime_near(Self::__site(), #spec, #given)),
        };
        let body = self.body(quote!(#eager #call));
        quote! {
            /// Stores a value without a load.
            ///
            /// # Errors
            /// When the value cannot be encoded, the store does not take it, or the function's cache
            /// is not configured.
            #vis #asyncness fn prime #generics(#typed #given: &#value)
                -> ::core::result::Result<(), ::larder::Error> #clause
            {
                #body
            }
        }
    }

    // Output: pub async fn refresh(id: u64) -> Result<User, DbError> {
    //             Self::__read(::larder::Mode::Refresh, id).await
    //         }
    fn refresh(&self) -> TokenStream {
        let function = self.read.function;
        let vis = &function.vis;
        let dot_await = function.dot_await();
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
            Self::__read #turbofish(::larder::Mode::Refresh, #(#args),*) #dot_await
        });
        let safety = function.is_unsafe().then(|| {
            let allowed = calls_unsafe(self.read);
            quote! {
                #[doc = ""]
                #[doc = "# Safety"]
                #[doc = "The function's own."]
                #allowed
            }
        });
        quote! {
            /// Calls the function and puts what it returns in the entry's place.
            #errors
            #safety
            #vis #sig { #body }
        }
    }

    // Input:  namespace = "shop"
    // Output: pub const __NAMESPACE: Option<&str> = Some("shop");
    //         pub fn __put<'c>(id: u64) -> ::larder::__private::Put<User>
    //         where User: ::larder::__private::ValueFor<'c> {
    //             ::larder::__private::put(Self::__site(), SPEC, KEEP)
    //         }
    /// For the writes that put into the entry. What the function keeps must be a question about the
    /// value alone: its arguments are not there.
    fn put(&self) -> TokenStream {
        if self.read.keep_mentions_arguments() {
            return TokenStream::new();
        }
        let vis = &self.read.function.vis;
        let typed = &self.typed;
        let Valued {
            value,
            mut generics,
        } = self.valued();
        let is_inferred = matches!(value::of(&self.read.function.returned), ValueType::Inferred);
        if is_inferred && !self.read.keeps_none {
            let bounds = &mut generics.make_where_clause().predicates;
            bounds.push(parse_quote!(#value: ::larder::__private::MaybeNone));
        }
        let clause = &generics.where_clause;
        let (eager, spec) = expand::spec(self.read);
        let keep = keep::expand(self.read, expand::blamed(self.read));
        let namespace = match self.read.fixed_namespace() {
            Some(name) => quote!(::core::option::Option::Some(#name)),
            None => quote!(::core::option::Option::None),
        };
        let put = match (self.is_hashed(), self.read.layers) {
            (false, Layers::All | Layers::Only(_)) => quote!(put),
            (true, Layers::All | Layers::Only(_)) => quote!(put_hashed),
            (false, Layers::L1) => quote!(put_near),
            (true, Layers::L1) => quote!(put_hashed_near),
        };
        let body = self.body(quote! {
            #eager
            ::larder::__private::#put(Self::__site(), #spec, #keep)
        });
        quote! {
            #[doc(hidden)]
            #vis const __NAMESPACE: ::core::option::Option<&'static str> = #namespace;

            #[doc(hidden)]
            #[must_use]
            #vis fn __put #generics(#typed) -> ::larder::__private::Put<#value> #clause
            {
                #body
            }
        }
    }

    fn stats(&self) -> TokenStream {
        let vis = &self.read.function.vis;
        let body = self.body(quote!(Self::__site().stats()));
        quote! {
            /// What the function's lookups and loads did so far.
            #[must_use]
            #vis fn stats() -> ::larder::Stats { #body }
        }
    }

    /// Statements that come first, and the spec.
    fn spec(&self) -> (TokenStream, TokenStream) {
        let (eager, spec) = expand::spec(self.read);
        let question = self.is_hashed().then(|| quote!(?));
        (eager, quote!(#spec #question))
    }

    /// The value's type in a signature.
    fn valued(&self) -> Valued {
        let returned = &self.read.function.returned;
        match value::of(returned) {
            ValueType::Known(ty) => {
                let mut generics = self.generics(&quote!(#ty));
                generics.params.insert(0, parse_quote!('__larder));
                let bounds = &mut generics.make_where_clause().predicates;
                let asked = match self.read.layers {
                    Layers::All | Layers::Only(_) => quote!(ValueFor),
                    Layers::L1 => quote!(LocalFor),
                };
                bounds.push(parse_quote!(#ty: ::larder::__private::#asked<'__larder>));
                Valued {
                    value: quote!(#ty),
                    generics,
                }
            }
            ValueType::Inferred => {
                let value = quote_spanned!(returned.span()=> __LarderValue);
                let mut generics = self.generics(&quote!(#returned));
                generics.params.push(parse_quote!(#value));
                let bounds = &mut generics.make_where_clause().predicates;
                let asked = match self.read.layers {
                    Layers::All | Layers::Only(_) => quote!(::larder::Value),
                    Layers::L1 => quote!(::larder::__private::Local),
                };
                bounds.push(parse_quote!(#value: #asked));
                bounds.push(parse_quote!(
                    ::larder::__private::Returns<#returned>: ::larder::__private::Yields<#value>
                ));
                Valued { value, generics }
            }
        }
    }
}

/// The cached value in a signature.
struct Valued {
    value: TokenStream,
    generics: Generics,
}
