//! The code of `#[derive(Projection)]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::model::{Given, Id, Projection};
use crate::scope::local;

// Input:  #[projection(name = "order_summary", id = "order_id")]
//         struct OrderSummary { order_id: String, .. }
// Output: impl ::larder::Projection for OrderSummary {
//             const NAME: &'static str = "order_summary";
//             type Id<'id> = &'id str;
//             fn id(&self) -> Self::Id<'_> { &self.order_id }
//             fn write_id(id: Self::Id<'_>, out: &mut ::larder::KeyWriter<'_>) {
//                 out.value(::larder::__private::part!(*id));
//             }
//         }
pub(super) fn expand(projection: &Projection<'_>) -> TokenStream {
    let Some(id) = &projection.id else {
        return TokenStream::new();
    };
    let field = id.field;
    let read = match id.given {
        Given::Copied => quote!(self.#field),
        Given::Text | Given::Borrowed => quote!(&self.#field),
    };
    let (id_name, out) = (local("id"), local("out"));
    // What cannot be written into a key is the field's type.
    let blamed = Span::mixed_site().located_at(id.ty.span());
    let part = match id.given {
        Given::Copied => quote!(#id_name),
        Given::Text | Given::Borrowed => quote!(*#id_name),
    };
    let write = quote_spanned!(blamed=> #out.value(::larder::__private::part!(#part)););
    let ttl = projection.ttl.as_ref().map(|ttl| {
        let ttl = ttl.expand();
        quote!(fn ttl() -> ::larder::Ttl { #ttl })
    });
    around(
        projection,
        &quote! {
            fn id(&self) -> Self::Id<'_> { #read }

            fn write_id(#id_name: Self::Id<'_>, #out: &mut ::larder::KeyWriter<'_>) { #write }

            #ttl
        },
    )
}

/// The same without the code: what stands for a projection with mistakes, so that its uses are no
/// mistakes too.
pub(super) fn stub(projection: &Projection<'_>) -> TokenStream {
    around(
        projection,
        &quote! {
            fn id(&self) -> Self::Id<'_> { ::core::unreachable!() }

            fn write_id(_: Self::Id<'_>, _: &mut ::larder::KeyWriter<'_>) {}
        },
    )
}

fn around(projection: &Projection<'_>, methods: &TokenStream) -> TokenStream {
    let ident = projection.ident;
    let name = &projection.name.text;
    let id = match &projection.id {
        None
        | Some(Id {
            given: Given::Text, ..
        }) => quote!(&'id ::core::primitive::str),
        Some(Id {
            ty,
            given: Given::Copied,
            ..
        }) => quote!(#ty),
        Some(Id {
            ty,
            given: Given::Borrowed,
            ..
        }) => quote!(&'id #ty),
    };
    // With parameters it is a mistake that was reported; then what they lack must not be one too.
    let mut generics = projection.generics.clone();
    if !generics.params.is_empty() {
        let predicates = &mut generics.make_where_clause().predicates;
        predicates.push(syn::parse_quote!(Self: ::larder::Value));
    }
    let (generics, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics ::larder::Projection for #ident #arguments #bounds {
            const NAME: &'static ::core::primitive::str = #name;

            type Id<'id> = #id;

            #methods
        }
    }
}
