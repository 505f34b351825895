//! The code of `resource!`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Type, TypeReference};

use super::model::{Entry, Resource};
use crate::function::Arg;
use crate::mentions::Names;
use crate::scope::{Scope, local};
use crate::site::Templates;
use crate::tags::{self, Tag};

// Input:  pub user(user_id: u64) { profile: ttl = 300; }
// Output: pub struct user {}
//         impl user {
//             pub fn profile(user_id: u64) -> ::larder::Spec<impl Fn(&mut ::larder::Tags) + use<>> { .. }
//             pub fn tag(user_id: u64) -> ::larder::Tag { .. }
//         }
pub(super) fn expand(resource: &Resource) -> TokenStream {
    let entries = resource
        .entries
        .iter()
        .map(|entry| expand_entry(resource, entry, &spec(resource, entry)));
    let around = around(resource, &tag(resource), entries);
    let register = register(resource);
    quote!(#around #register)
}

// Output: const _: () = {
//             static RESOURCE: ::larder::__private::Resource = ::larder::__private::Resource {
//                 declared: ::larder::Declaration::here("path::to::user"),
//                 tag: TEMPLATES,
//                 entries: &[::larder::__private::Entry { declared: .., templates: TEMPLATES }],
//             };
//             ::larder::__private::submit! { ::larder::__private::ResourceRegistration(&RESOURCE) }
//         };
fn register(resource: &Resource) -> TokenStream {
    let cfg = resource.cfg_attrs();
    let declared = declared(resource, None);
    let tag = Templates::default()
        .args(&resource.ids)
        .tags([&resource.tag]);
    let entries = resource.entries.iter().map(|entry| {
        let cfg = entry
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"));
        let declared = self::declared(resource, Some(&entry.name));
        let templates = Templates::default()
            .args(resource.ids.iter().chain(&entry.args))
            .tags(&entry.tags)
            .key(&entry.key, entry.namespace.as_ref());
        quote! {
            #(#cfg)*
            ::larder::__private::Entry { declared: #declared, templates: #templates }
        }
    });
    quote! {
        #(#cfg)*
        const _: () = {
            static RESOURCE: ::larder::__private::Resource = ::larder::__private::Resource {
                declared: #declared,
                tag: #tag,
                entries: &[#(#entries),*],
            };
            ::larder::__private::submit! {
                ::larder::__private::ResourceRegistration(&RESOURCE)
            }
        };
    }
}

/// Called where the resource's or the entry's name stands, so that it is found by its line.
fn declared(resource: &Resource, entry: Option<&Ident>) -> TokenStream {
    let mut suffix = format!("::{}", resource.name.unraw());
    if let Some(entry) = entry {
        suffix.push_str(&format!("::{}", entry.unraw()));
    }
    let name = entry.unwrap_or(&resource.name);
    quote_spanned! {name.span()=>
        ::larder::Declaration::here(::core::concat!(::core::module_path!(), #suffix))
    }
}

/// The same signatures without the code: what stands for a resource with mistakes, so that its uses
/// are no mistakes too.
pub(super) fn stub(resource: &Resource) -> TokenStream {
    let nothing = quote!(::larder::Spec::new(
        ::larder::Key::new(""),
        |_: &mut ::larder::Tags| {}
    ));
    let mut names = Names::from(["tag".to_owned()]);
    let entries = resource
        .entries
        .iter()
        .filter(|entry| names.insert(entry.name.to_string()));
    let entries: Vec<_> = entries
        .map(|entry| expand_entry(resource, entry, &nothing))
        .collect();
    around(
        resource,
        &quote!(::larder::Tag::new("")),
        entries.into_iter(),
    )
}

fn around(
    resource: &Resource,
    tag: &TokenStream,
    entries: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let Resource {
        attrs,
        vis,
        name,
        ids,
        ..
    } = resource;
    let cfg = resource.cfg_attrs();
    let ids = ids.iter().map(Arg::typed);
    quote! {
        #(#attrs)*
        #[allow(non_camel_case_types, dead_code)]
        #vis struct #name {}

        #(#cfg)*
        #[allow(dead_code)]
        impl #name {
            /// The tag that every entry carries: what a write that changed the resource invalidates.
            #[must_use]
            #[allow(unused_variables, clippy::needless_pass_by_value)]
            #vis fn tag(#(#ids),*) -> ::larder::Tag { #tag }

            #(#entries)*
        }
    }
}

/// An expression of type `larder::Tag`.
fn tag(resource: &Resource) -> TokenStream {
    let scope = Scope {
        args: resource.ids.iter().collect(),
        receiver: None,
        has_ret: false,
        what: "id",
    };
    let Tag::Template(template) = &resource.tag else {
        return TokenStream::new();
    };
    let out = local("out");
    let statements = scope.render(template, crate::scope::Into::KeyOrTag, &out);
    quote!(::larder::Tag::render(|#out| { #statements }))
}

// Input:  avatar(size: u32): ttl = long;
// Output: pub fn avatar(user_id: u64, size: u32)
//             -> ::larder::Spec<impl Fn(&mut ::larder::Tags) + use<>> { SPEC }
fn expand_entry(resource: &Resource, entry: &Entry, spec: &TokenStream) -> TokenStream {
    let vis = &resource.vis;
    let Entry { attrs, name, .. } = entry;
    let mut lifetimes = Named::default();
    let args: Vec<_> = resource
        .ids
        .iter()
        .chain(&entry.args)
        .map(|arg| {
            let mut ty = arg.ty.clone();
            lifetimes.visit_type_mut(&mut ty);
            let ident = &arg.ident;
            quote!(#ident: #ty)
        })
        .collect();
    let lifetimes = lifetimes.names;
    let doc = attrs
        .iter()
        .all(|attr| !attr.path().is_ident("doc"))
        .then(|| {
            let doc = format!("The entry `{name}` of [`{}`](Self).", resource.name);
            quote!(#[doc = #doc])
        });
    quote! {
        #doc
        #(#attrs)*
        #[must_use]
        #[allow(unused_variables, impl_trait_redundant_captures, clippy::needless_pass_by_value)]
        #vis fn #name<#(#lifetimes),*>(#(#args),*)
            -> ::larder::Spec<impl ::core::ops::Fn(&mut ::larder::Tags) + use<#(#lifetimes),*>>
        {
            #spec
        }
    }
}

// Output: let key = KEY;
//         ::larder::Spec::new(key, move |tags| { .. }).ttl(TTL).lock(true)
fn spec(resource: &Resource, entry: &Entry) -> TokenStream {
    let scope = entry.scope(resource);
    let (key_name, ttl_name) = (local("key"), local("ttl"));
    let key = entry.key.expand(entry.namespace.as_ref(), &scope);
    let all: Names = scope
        .args
        .iter()
        .flat_map(|arg| &arg.names)
        .map(Ident::to_string)
        .collect();
    let tags = std::iter::once(&resource.tag).chain(&entry.tags);
    let writer = tags::writer(tags, &scope, &all, &TokenStream::new());
    // Before the tags take the ids along.
    let ttl = entry.ttl.as_ref().map(|ttl| {
        let ttl = ttl.expand();
        quote!(let #ttl_name = #ttl;)
    });
    let with_ttl = ttl.as_ref().map(|_| quote!(.ttl(#ttl_name)));
    let with_lock = entry.lock.then(|| quote!(.lock(true)));
    quote! {
        let #key_name = #key;
        #ttl
        ::larder::Spec::new(#key_name, move #writer) #with_ttl #with_lock
    }
}

/// Gives every lifetime that is left out a name, so that the spec can say that it borrows the ids.
#[derive(Default)]
struct Named {
    names: Vec<Lifetime>,
}

impl Named {
    fn next(&mut self) -> Lifetime {
        let name = format!("'id{}", self.names.len());
        let lifetime = Lifetime::new(&name, Span::call_site());
        self.names.push(lifetime.clone());
        lifetime
    }
}

impl VisitMut for Named {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(self.next());
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.next();
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {
        // Its lifetimes are its own.
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty);
    }
}
