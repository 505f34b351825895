//! The code of a `#[cache_read_many]` function.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut as _;

use super::companion;
use super::item::Form;
use super::model::ReadMany;
use super::pairs::paired;
use crate::body;
use crate::layers::Layers;
use crate::mentions::Names;
use crate::read::keep;
use crate::read::value::{self, ValueType};
use crate::scope::local;
use crate::site::{Site, Templates, site_ident};
use crate::tags;
use crate::this::ReplaceSelf;

pub(super) fn expand(read: &ReadMany<'_>) -> TokenStream {
    if read.function.is_associated {
        method(read)
    } else {
        companion::expand(read)
    }
}

// Input:  async fn profiles(&self, ids: &[u64]) -> HashMap<u64, Profile> { BODY }
// Output: async fn profiles(&self, ids: &[u64]) -> HashMap<u64, Profile> {
//             static SITE: ::larder::Site = ..;
//             LOOKUP
//         }
fn method(read: &ReadMany<'_>) -> TokenStream {
    let function = read.function;
    let (attrs, vis, sig) = (&function.attrs, &function.vis, function.signature());
    let name = site_ident();
    let site = site(read).expand(&name);
    let lookup = lookup(read, &quote!(&#name), &quote!(::larder::Mode::Read));
    let body = function.form.wrap(&quote!(#site #lookup));
    quote!(#(#attrs)* #vis #sig { #body })
}

/// What is registered of the function: as of one of the same key that reads one item.
pub(super) fn site<'r>(read: &'r ReadMany<'_>) -> Site<'r> {
    let args = read.scope().args;
    let templates = Templates::default()
        .key(&read.key, read.namespace.as_ref())
        .args(args)
        .tags(&read.tags);
    Site {
        role: "Read",
        function: read.function.name(),
        templates: match paired(&read.function.returned) {
            Some(value) => templates.value_of(read.function, &value),
            None => templates,
        },
        cache: read.cache.as_ref(),
        layers: read.layers,
    }
}

// Input:  #[cache_read_many(key = "user:{id}", ttl = 300, tags = ["users"])]
//         async fn get_users(ids: &[u64]) -> Result<HashMap<u64, User>, DbError> { BODY }
// Output: ::larder::__private::read_many(
//             SITE, MODE, &ids[..],
//             |item| { let id = *item; ::larder::__private::untagged(KEY).ttl(TTL) },
//             |item, tags| { let id = *item; WRITE },
//             ::larder::__private::outcome!(Result<HashMap<u64, User>, DbError>),
//             ::larder::__private::always,
//             |ids| async move { let ids = ids.as_slice(); BODY },
//         ).await
/// The expression that looks the entries up, and loads those that are missing.
pub(super) fn lookup(read: &ReadMany<'_>, site: &TokenStream, mode: &TokenStream) -> TokenStream {
    let returned = &read.function.returned;
    let blamed = match value::of(returned) {
        ValueType::Known(ty) => ty.span(),
        ValueType::Inferred => returned.span(),
    };
    // A type that cannot be cached is reported where the user wrote it.
    let blamed = Span::mixed_site().located_at(blamed);
    let kind = value::find_borrow(returned).map(|_| quote!(borrowing));
    let coding = (read.layers == Layers::L1).then(|| quote!(, Uncoded));
    let outcome = quote_spanned!(blamed=> ::larder::__private::outcome!(#kind #returned #coding));
    let (cache_if, ttl_of) = (read.cache_if.as_ref(), read.ttl_of.as_ref());
    let keep = keep::keeping(read.keeps_none, cache_if, ttl_of, blamed);
    let (items, item) = (&read.items.arg.ident, local("item"));
    let mut names = read.key_names();
    names.extend(read.age_names());
    let bind = bind(read, &names);
    let spec = spec(read);
    let tags = tags_of_item(read);
    let load = load(read);
    let arguments = quote! {
        #site, #mode, &#items[..], |#item| { #bind #spec }, #tags, #outcome, #keep, #load
    };
    quote_spanned!(blamed=> ::larder::__private::read_many(#arguments).await)
}

// Output: let id = *item;
/// The item under its name, where it is mentioned.
fn bind(read: &ReadMany<'_>, names: &Names) -> TokenStream {
    let (name, item) = (&read.item.arg.ident, local("item"));
    if !names.contains(&name.unraw().to_string()) {
        return quote!(let _ = #item;);
    }
    let copy = read.item.is_copy.then(|| quote!(*));
    quote!(let #name = #copy #item;)
}

/// The spec of the entry of the item that is bound.
fn spec(read: &ReadMany<'_>) -> TokenStream {
    let key = key(read);
    let ttl = read.ttl.iter().map(|ttl| ttl.expand());
    let lock = read.lock.into_iter();
    let freshness = read.freshness.expand();
    let layers = read.layers.expand();
    quote! {
        ::larder::__private::untagged(#key) #(.ttl(#ttl))* #(.lock(#lock))* #freshness #layers
    }
}

/// The same with its tags.
pub(super) fn tagged(read: &ReadMany<'_>) -> TokenStream {
    let spec = spec(read);
    let all = read.kept_names();
    let writer = tags::writer(&read.tags, &read.scope(), &all, &TokenStream::new());
    quote!(#spec.with_tags(#writer))
}

/// The key of the entry of the item that is bound.
pub(super) fn key(read: &ReadMany<'_>) -> TokenStream {
    read.key.expand(read.namespace.as_ref(), &read.scope())
}

/// A closure that gives the key of an item.
pub(super) fn key_of_item(read: &ReadMany<'_>) -> TokenStream {
    let (item, bind, key) = (local("item"), bind(read, &read.key_names()), key(read));
    quote!(|#item| { #bind #key })
}

// Output: |item, tags| { let id = *item; (|tags| { .. })(tags) }
fn tags_of_item(read: &ReadMany<'_>) -> TokenStream {
    if read.tags.is_empty() {
        return quote!(|_, _| {});
    }
    let (item, out) = (local("item"), local("tags"));
    let bind = bind(read, &read.tag_names());
    let writer = tags::writer(
        &read.tags,
        &read.scope(),
        &read.kept_names(),
        &TokenStream::new(),
    );
    quote!(|#item, #out: &mut ::larder::Tags| {
        #bind
        #[allow(clippy::redundant_closure_call)]
        (#writer)(#out);
    })
}

// Input:  async fn get_users(db: Db, ids: &[u64]) -> .. { BODY }
// Output: |ids| {
//             let db = ::larder::__private::again(&db);
//             async move { let ids = ids.as_slice(); BODY }
//         }
/// The body, and what it takes along: a copy of everything, because it may run again.
fn load(read: &ReadMany<'_>) -> TokenStream {
    let function = read.function;
    let others = read.others().filter(|arg| !arg.is_copy());
    let mut copies: TokenStream = others.map(body::copy).collect();
    let mut block = (*function.block).clone();
    if let Some(receiver) = function.receiver()
        && !function.has_shared_self()
    {
        let (this, own) = (local("self"), &receiver.self_token);
        let mutable = &receiver.mutability;
        let blamed = Span::mixed_site().located_at(own.span());
        copies.extend(
            quote_spanned!(blamed=> let #mutable #this = ::larder::__private::again(&#own);),
        );
        ReplaceSelf(this).visit_block_mut(&mut block);
    }
    let items = &read.items.arg.ident;
    let lend = match read.items.form {
        Form::Slice => quote!(let #items = #items.as_slice();),
        Form::VecReference => quote!(let #items = &#items;),
        Form::Vec => TokenStream::new(),
    };
    let future = body::future_of(function, &lend, &block);
    quote!(|#items| { #copies #future })
}
