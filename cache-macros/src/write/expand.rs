//! The code of a `#[cache_write]` function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::model::{When, Write};
use crate::body;
use crate::key::Key;
use crate::mentions::{self, Names};
use crate::scope::{local, ret_ident};
use crate::site::{Site, Templates, site_ident};
use crate::tags::{self, Tag};

// Input:  async fn rename(id: u64, name: String) -> Result<User, DbError> { BODY }
// Output: async fn rename(id: u64, name: String) -> Result<User, DbError> {
//             static SITE: ::larder::Site = ..;
//             let mut targets = ::larder::Targets::default();
//             targets.write_tags(|tags| { .. });
//             let returned = ::larder::__private::write(
//                 &SITE, WHEN, targets, |returned, targets| { .. }, async move { BODY },
//             ).await;
//             ::larder::__private::recache(&SITE, 4, CALLS).await;
//             returned
//         }
pub(super) fn expand(write: &Write<'_>) -> TokenStream {
    let function = write.function;
    let (attrs, vis, sig) = (&function.attrs, &function.vis, function.signature());
    let name = site_ident();
    let site = site(write).expand(&name);
    let (targets, returned) = (local("targets"), local("returned"));
    let before = before(write);
    let judge = judge(write);
    let when = match write.when {
        When::Always => format_ident!("Always"),
        When::OnOk => format_ident!("OnOk"),
    };
    let copies = copies(write);
    let future = body::future(function);
    let recache = recache(write);
    quote! {
        #(#attrs)* #vis #sig {
            #site
            let mut #targets = ::larder::Targets::default();
            #before
            let #returned = ::larder::__private::write(
                &#name,
                ::larder::__private::When::#when,
                #targets,
                #judge,
                { #copies #future },
            ).await;
            #recache
            #returned
        }
    }
}

fn site<'w>(write: &'w Write<'_>) -> Site<'w> {
    Site {
        role: "Write",
        function: write.function.name(),
        templates: Templates::default()
            .args(&write.function.args)
            .tags(&write.tags)
            .keys(&write.keys, write.namespace.as_ref())
            .recaches(&write.recache),
        cache: write.cache.as_ref(),
    }
}

// Input:  tags = ["user:{id}"], keys = ["name:{name}"]
// Output: targets.write_tags(|tags| { .. });
//         targets.push_key(::larder::Key::render(|out| { .. }));
/// What is known before the body runs.
fn before(write: &Write<'_>) -> TokenStream {
    reach(write, |names| !names.contains("ret"))
}

// Input:  tags = ["user:{ret.id}"]
// Output: |returned: &Result<User, DbError>, targets: &mut ::larder::Targets| {
//             let ::core::option::Option::Some(ret) = ::larder::__private::succeeded!(returned) else {
//                 return false;
//             };
//             targets.write_tags(|tags| { .. });
//             true
//         }
/// Whether the write succeeded, and what depends on what it returned.
fn judge(write: &Write<'_>) -> TokenStream {
    let (targets, returned, ret) = (local("targets"), local("returned"), ret_ident());
    let ty = &write.function.returned;
    let statements = reach(write, |names| names.contains("ret"));
    if statements.is_empty() {
        return quote! {
            |#returned: &#ty, _: &mut ::larder::Targets| {
                ::larder::__private::succeeded!(#returned).is_some()
            }
        };
    }
    quote! {
        |#returned: &#ty, #targets: &mut ::larder::Targets| {
            let ::core::option::Option::Some(#ret) = ::larder::__private::succeeded!(#returned)
            else {
                return false;
            };
            #statements
            true
        }
    }
}

/// Statements that add those tags and keys to `targets` whose names are wanted.
fn reach(write: &Write<'_>, is_wanted: impl Fn(&Names) -> bool) -> TokenStream {
    let scope = write.scope();
    let targets = local("targets");
    let tags: Vec<&Tag> = write
        .tags
        .iter()
        .filter(|tag| is_wanted(&write.tag_names(tag)))
        .collect();
    let tags = (!tags.is_empty()).then(|| {
        let writer = tags::writer(tags, &scope, &write.all_names(), &TokenStream::new());
        quote!(#targets.write_tags(#writer);)
    });
    let keys: Vec<&Key> = write
        .keys
        .iter()
        .filter(|key| is_wanted(&write.key_names(key)))
        .collect();
    let keys = keys
        .iter()
        .map(|key| key.expand(write.namespace.as_ref(), &scope));
    quote!(#tags #(#targets.push_key(#keys);)*)
}

/// Copies for the body of the arguments that are needed after it.
fn copies(write: &Write<'_>) -> TokenStream {
    let mut names = Names::new();
    for tag in &write.tags {
        let used = write.tag_names(tag);
        if used.contains("ret") {
            names.extend(used);
        }
    }
    for key in &write.keys {
        let used = write.key_names(key);
        if used.contains("ret") {
            names.extend(used);
        }
    }
    names.extend(write.recache.iter().flat_map(mentions::of_expr));
    let scope = write.scope();
    let args = scope.args_of(&names).filter(|arg| !arg.is_copy());
    args.map(body::copy).collect()
}

// Input:  recache = [get_user(id), get_org(name)]
// Output: let calls: Vec<::larder::__private::Recache<'_>> = match succeeded!(&returned) {
//             Some(ret) => vec![
//                 Box::pin(async move { drop(get_user(id).await); }),
//                 { let name = again(&name); Box::pin(async move { drop(get_org(name).await); }) },
//             ],
//             None => vec![],
//         };
//         ::larder::__private::recache(&SITE, 4, calls).await;
/// Each call gets its own copy of what it mentions. The calls are made outside the `await`, so that
/// what was returned need not be `Sync`.
fn recache(write: &Write<'_>) -> TokenStream {
    if write.recache.is_empty() {
        return TokenStream::new();
    }
    let (calls, returned, ret, site) =
        (local("calls"), local("returned"), ret_ident(), site_ident());
    let each = write.recache.iter().map(|call| recache_call(write, call));
    let most = write
        .max_concurrency
        .as_ref()
        .map_or_else(|| quote!(4), |most| quote!(#most));
    quote! {
        let #calls: ::std::vec::Vec<::larder::__private::Recache<'_>> =
            match ::larder::__private::succeeded!(&#returned) {
                #[allow(unused_variables)]
                ::core::option::Option::Some(#ret) => ::std::vec![#(#each),*],
                ::core::option::Option::None => ::std::vec::Vec::new(),
            };
        ::larder::__private::recache(&#site, #most, #calls).await;
    }
}

fn recache_call(write: &Write<'_>, call: &Expr) -> TokenStream {
    let names = mentions::of_expr(call);
    let scope = write.scope();
    let copies = scope.args_of(&names).map(|arg| {
        let copy = (!arg.is_copy()).then(|| body::copy(arg));
        let look = arg.take_apart();
        quote!(#copy #look)
    });
    let copies: TokenStream = copies.collect();
    let blamed = Span::mixed_site().located_at(call.span());
    let boxed = quote_spanned! {blamed=>
        ::std::boxed::Box::pin(async move { ::core::mem::drop(#call.await); })
    };
    quote!({ #copies #boxed })
}
