//! The code of a `#[cache_write]` function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::model::{When, Write};
use super::put;
use super::receiver;
use crate::body;
use crate::key::Key;
use crate::layers::Layers;
use crate::mentions::{self, Names};
use crate::scope::{local, ret_ident};
use crate::site::{Site, Templates, site_ident};
use crate::tags::{self, Tag};
use crate::template::Template;

// Input:  async fn rename(id: u64, name: String) -> Result<User, DbError> { BODY }
// Output: async fn rename(id: u64, name: String) -> Result<User, DbError> {
//             static SITE: ::larder::Site = ..;
//             let mut targets = ::larder::Targets::default();
//             targets.write_tags(|tags| { .. });
//             let returned = ::larder::__private::write(
//                 &SITE, WHEN, targets, |returned| .., |returned, targets| { .. },
//                 async move { BODY },
//             ).await;
//             ::larder::__private::recache(&SITE, 4, CALLS).await;
//             returned
//         }
// With `put`, it is `write_and_put`, whose second closure gets the puts too: see `put`.
pub(super) fn expand(write: &Write<'_>) -> TokenStream {
    let function = write.function;
    let (attrs, vis, sig) = (&function.attrs, &function.vis, function.signature());
    let name = site_ident();
    let site = site(write).expand(&name);
    let (targets, returned) = (local("targets"), local("returned"));
    let before = before(write);
    let when = match write.when {
        When::Always => format_ident!("Always"),
        When::OnOk => format_ident!("OnOk"),
    };
    let copies = copies(write);
    let future = receiver::future(write);
    let puts = put::expand(write);
    let judge = judge(write);
    let add = receiver::outside(write, add(write, &puts.after));
    let (keep, back) = (receiver::keep(write), receiver::back(write));
    let recache = receiver::outside(write, recache(write));
    let (call, prepared, handed) = if write.puts.is_empty() {
        (quote!(write), None, None)
    } else {
        let given = local("puts");
        (
            quote!(write_and_put),
            Some(puts.before),
            Some(quote!(#given,)),
        )
    };
    let body = function.form.wrap(&quote! {
        #site
        let mut #targets = ::larder::Targets::default();
        #before
        #prepared
        #keep
        let #returned = ::larder::__private::#call(
            &#name,
            ::larder::__private::When::#when,
            #targets,
            #handed
            #judge,
            #add,
            { #copies #future },
        ).await;
        #back
        #recache
        #returned
    });
    quote!(#(#attrs)* #vis #sig { #body })
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
        layers: Layers::All,
    }
}

// Input:  tags = ["user:{id}"], keys = ["name:{name}"]
// Output: targets.write_tags(|tags| { .. });
//         targets.push_key(::larder::Key::render(|out| { .. }));
/// What is known before the body runs.
fn before(write: &Write<'_>) -> TokenStream {
    reach(write, Known::Before)
}

/// Whether the write succeeded. Runs nothing of the user's.
fn judge(write: &Write<'_>) -> TokenStream {
    let (returned, ty) = (local("returned"), &write.function.returned);
    quote!(|#returned: &#ty| ::larder::__private::succeeded!(#returned).is_some())
}

// Input:  tags = ["user:{ret.id}"]
// Output: |returned: &Result<User, DbError>, targets: &mut ::larder::Targets| {
//             let ::core::option::Option::Some(ret) = ::larder::__private::succeeded!(returned) else {
//                 return;
//             };
//             if let ::core::option::Option::Some(ret) = ::larder::__private::present!(ret) {
//                 targets.write_tags(|tags| { .. });
//             }
//         }
/// Adds what depends on what the write succeeded with.
fn add(write: &Write<'_>, put: &TokenStream) -> TokenStream {
    let (targets, returned, ret) = (local("targets"), local("returned"), ret_ident());
    let ty = &write.function.returned;
    let mut statements = reach(write, Known::Returned);
    let of_fields = reach(write, Known::Present);
    if !of_fields.is_empty() {
        statements.extend(quote! {
            if let ::core::option::Option::Some(#ret) = ::larder::__private::present!(#ret) {
                #of_fields
            }
        });
    }
    if !put.is_empty() {
        let puts = local("puts");
        return quote! {
            #[allow(unused_variables)]
            |#returned: &#ty, #targets: &mut ::larder::Targets,
             #puts: &mut ::larder::__private::Puts| {
                let ::core::option::Option::Some(#ret) = ::larder::__private::succeeded!(#returned)
                else {
                    return;
                };
                #statements
                #put
            }
        };
    }
    if statements.is_empty() {
        return quote!(|_: &#ty, _: &mut ::larder::Targets| {});
    }
    quote! {
        |#returned: &#ty, #targets: &mut ::larder::Targets| {
            let ::core::option::Option::Some(#ret) = ::larder::__private::succeeded!(#returned)
            else {
                return;
            };
            #statements
        }
    }
}

/// When it is known what a tag or key is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Before the body runs.
    Before,
    /// When it has returned.
    Returned,
    /// When it has returned something: fields of what may be `None` are asked of what is in `Some`.
    Present,
}

impl Known {
    fn of(names: &Names, template: Option<&Template>) -> Self {
        if !names.contains("ret") {
            return Self::Before;
        }
        let mut holes = template.into_iter().flat_map(Template::holes);
        if template.is_some() && holes.all(|hole| hole.root != "ret" || !hole.members.is_empty()) {
            Self::Present
        } else {
            Self::Returned
        }
    }
}

/// Statements that add the tags and keys to `targets` that are known then.
fn reach(write: &Write<'_>, known: Known) -> TokenStream {
    let scope = write.scope();
    let targets = local("targets");
    let tags = write.tags.iter().filter(|tag| {
        let template = match tag {
            Tag::Template(template) => Some(template),
            _ => None,
        };
        Known::of(&write.tag_names(tag), template) == known
    });
    let tags: Vec<&Tag> = tags.collect();
    let tags = (!tags.is_empty()).then(|| {
        let writer = tags::writer(tags, &scope, &write.all_names(), &TokenStream::new());
        quote!(#targets.write_tags(#writer);)
    });
    let keys = write.keys.iter().filter(|key| {
        let template = match key {
            Key::Template(template) => Some(template),
            _ => None,
        };
        Known::of(&write.key_names(key), template) == known
    });
    let keys = keys.map(|key| key.expand(write.namespace.as_ref(), &scope));
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
    names.extend(write.puts.iter().flat_map(put::Put::late_names));
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
    let copies: TokenStream = copies.chain([receiver::for_call(write, &names)]).collect();
    let blamed = Span::mixed_site().located_at(call.span());
    let boxed = quote_spanned! {blamed=>
        ::std::boxed::Box::pin(async move { ::core::mem::drop(#call.await); })
    };
    quote!({ #copies #boxed })
}
