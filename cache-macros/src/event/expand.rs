//! The code that registers handlers.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Member;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

use super::handler::Handler;
use super::rule::Rule;
use crate::key::Key;
use crate::mentions::Names;
use crate::scope::{Into, local};
use crate::site::Templates;
use crate::tags::{self, Tag};
use crate::template::{Piece, Template};

// Input:  #[on_event("user.updated")] async fn drop_user(event: UserUpdated) -> Result<(), E> { .. }
// Output: const _: () = {
//             static HANDLER: ::larder::Handler =
//                 ::larder::Handler::new("user.updated", "path::to::drop_user", |payload| Box::pin(async move {
//                     let event: UserUpdated = ::larder::__private::decode(&payload)?;
//                     ::larder::__private::handled!(drop_user(event).await)
//                 }));
//             ::larder::__private::submit! { ::larder::__private::HandlerRegistration(&HANDLER) }
//         };
/// What stands beside the function, which stays as it is.
pub(super) fn handler(handler: &Handler<'_>) -> TokenStream {
    let function = handler.function;
    let (cfgs, ident) = (function.cfg_attrs(), &function.sig.ident);
    let suffix = format!("::{}", ident.unraw());
    let name = quote!(::core::concat!(::core::module_path!(), #suffix));
    let event = local("event");
    let lend = handler.by_reference.then(|| quote!(&));
    let decode = decode(&handler.payload, &event);
    let body = quote! {
        #decode
        ::larder::__private::handled!(#ident(#lend #event).await)
    };
    let register = register(&handler.event, &name, None, &body);
    quote!(#(#cfgs)* #register)
}

// Input:  invalidate_on!("user.updated", tags = ["user:{user_id}"])
// Output: const _: () = {
//             static HANDLER: ::larder::Handler = ::larder::Handler::new("user.updated", .., |payload| Box::pin(async move {
//                 static RULE: ::larder::__private::Rule = ..;
//                 ::larder::__private::apply(&RULE, payload).await
//             }));
//             ..
//         };
pub(super) fn rule(rule: &Rule) -> TokenStream {
    let body = match &rule.payload {
        Some(argument) => {
            let decode = decode(&argument.ty, &argument.ident);
            let invalidate = typed(rule);
            quote!(#decode #invalidate)
        }
        None => untyped(rule),
    };
    let name = quote! {
        ::core::concat!(::core::module_path!(), ", line ", ::core::line!(), ": invalidate_on!")
    };
    let templates = Templates::default()
        .tags(&rule.tags)
        .keys(&rule.keys, rule.namespace.as_ref());
    let cache = rule.cache.iter();
    let more = quote!(.invalidating(#templates) #(.cache(#cache))*);
    register(&rule.event, &name, Some(more), &body)
}

fn register(
    event: impl quote::ToTokens,
    name: &TokenStream,
    more: Option<TokenStream>,
    body: &TokenStream,
) -> TokenStream {
    let payload = local("payload");
    quote! {
        const _: () = {
            static HANDLER: ::larder::Handler = ::larder::Handler::new(
                #event,
                #name,
                |#payload: ::larder::__private::Payload| -> ::larder::__private::Handling {
                    ::std::boxed::Box::pin(async move { #body })
                },
            )
            #more;
            ::larder::__private::submit! { ::larder::__private::HandlerRegistration(&HANDLER) }
        };
    }
}

fn decode(ty: &syn::Type, event: &syn::Ident) -> TokenStream {
    let payload = local("payload");
    // Located on the type, so that one that cannot be decoded is blamed.
    let blamed = Span::mixed_site().located_at(ty.span());
    let decode = quote_spanned!(blamed=> ::larder::__private::decode::<#ty>(&#payload)?);
    quote!(let #event = #decode;)
}

// Input:  tags = ["user:{user_id}"], keys = [user::profile_key(event.user_id)]
// Output: let mut targets = ::larder::Targets::default();
//         targets.write_tags(|tags| { .. });
//         targets.push_key(user::profile_key(event.user_id));
//         ::larder::__private::invalidate_on(None, targets).await
fn typed(rule: &Rule) -> TokenStream {
    let scope = rule.scope();
    let targets = local("targets");
    let names = Names::from([super::rule::EVENT.to_owned()]);
    let tags = (!rule.tags.is_empty()).then(|| {
        let writer = tags::writer(&rule.tags, &scope, &names, &TokenStream::new());
        quote!(#targets.write_tags(#writer);)
    });
    let keys = rule
        .keys
        .iter()
        .map(|key| key.expand(rule.namespace.as_ref(), &scope));
    let cache = option(rule.cache.as_ref());
    quote! {
        let mut #targets = ::larder::Targets::default();
        #tags
        #(#targets.push_key(#keys);)*
        ::larder::__private::invalidate_on(#cache, #targets).await
    }
}

fn untyped(rule: &Rule) -> TokenStream {
    let payload = local("payload");
    let tags = rule.tags.iter().filter_map(|tag| match tag {
        Tag::Template(template) => Some(pieces(template, Into::KeyOrTag)),
        Tag::One(_) | Tag::Many(_) | Tag::Function(_) => None,
    });
    let keys = rule.keys.iter().filter_map(|key| match key {
        Key::Template(template) => Some(pieces(template, Into::KeyOrTag)),
        Key::Parts(_) | Key::Expr(_) => None,
    });
    let namespace = rule.namespace.as_ref();
    let namespace = option(namespace.map(|template| pieces(template, Into::Namespace)));
    let cache = option(rule.cache.as_ref());
    quote! {
        static RULE: ::larder::__private::Rule = ::larder::__private::Rule {
            tags: &[#(#tags),*],
            keys: &[#(#keys),*],
            namespace: #namespace,
            cache: #cache,
        };
        ::larder::__private::apply(&RULE, #payload).await
    }
}

// Input:  "user:{user.id}"
// Output: &[Piece::Text("user:"), Piece::Field { path: &["user", "id"], before: None }]
fn pieces(template: &Template, into: Into) -> TokenStream {
    let pieces = template.pieces.iter().enumerate().map(|(at, piece)| {
        let (text, path) = match piece {
            Piece::Text(text) => (text, None),
            Piece::Hole(hole) => (&hole.root, Some(&hole.members)),
        };
        let Some(members) = path else {
            // As in templates of arguments: what an escaped character begins with is doubled.
            let text = match into {
                Into::KeyOrTag => text.replace('%', "%%"),
                Into::Namespace => text.clone(),
            };
            return quote!(::larder::__private::Piece::Text(#text));
        };
        let members = members.iter().map(|member| match member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        });
        let before = match template.pieces.get(at + 1) {
            Some(Piece::Text(text)) => text.chars().next(),
            _ => None,
        };
        let before = option(before);
        quote! {
            ::larder::__private::Piece::Field { path: &[#text, #(#members),*], before: #before }
        }
    });
    quote!(&[#(#pieces),*])
}

fn option(value: Option<impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
