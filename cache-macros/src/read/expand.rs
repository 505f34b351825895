//! The code of a `#[cache_read]` function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Expr, FnArg, GenericParam};

use super::companion;
use super::keep;
use super::model::{Read, Source};
use super::owned;
use super::value::{self, ValueType};
use crate::body;
use crate::form::Form;
use crate::function::Arg;
use crate::key::in_namespace;
use crate::layers::Layers;
use crate::scope::local;
use crate::site::{Site, Templates, site_ident};
use crate::tags;

pub(super) fn expand(read: &Read<'_>) -> TokenStream {
    if read.function.is_associated {
        method(read)
    } else {
        companion::expand(read)
    }
}

// Input:  async fn profile(&self, id: u64) -> Result<Profile, Error> { BODY }
// Output: async fn profile(&self, id: u64) -> Result<Profile, Error> {
//             static SITE: ::larder::Site = ..;
//             ::larder::__private::read(
//                 &SITE, ::larder::Mode::Read, SPEC, OUTCOME, ::larder::__private::always,
//                 || async move { BODY },
//             ).await
//         }
/// An `impl` has no place for a companion: there, only the function itself is emitted.
fn method(read: &Read<'_>) -> TokenStream {
    let function = read.function;
    let (attrs, vis, mut sig) = (&function.attrs, &function.vis, function.signature());
    if read.freshness.detaches().is_some() {
        // It is the load's own `self` that changes.
        for input in &mut sig.inputs {
            if let FnArg::Receiver(receiver) = input {
                receiver.mutability = None;
            }
        }
    }
    let name = site_ident();
    let site = site(read).expand(&name);
    let lookup = lookup(read, &quote!(&#name), &quote!(::larder::Mode::Read));
    let body = function.form.wrap(&quote!(#site #lookup));
    quote!(#(#attrs)* #vis #sig { #body })
}

/// What is registered of the function.
pub(super) fn site<'r>(read: &'r Read<'_>) -> Site<'r> {
    let templates = Templates::default()
        .args(&read.function.args)
        .tags(&read.tags)
        .value(read.function);
    Site {
        role: "Read",
        function: read.function.name(),
        templates: match &read.source {
            Source::Key { key, namespace } => templates.key(key, namespace.as_ref()),
            Source::Spec(spec) => templates.spec(spec),
            Source::Hashed { .. } => templates,
        },
        cache: read.cache.as_ref(),
        layers: read.layers,
    }
}

// Output: ::larder::__private::read(
//             SITE, MODE, SPEC, ::larder::__private::outcome!(Result<User, DbError>),
//             ::larder::__private::always, || async move { BODY },
//         ).await
/// The statements that look the entry up, and load it where there is none.
pub(super) fn lookup(read: &Read<'_>, site: &TokenStream, mode: &TokenStream) -> TokenStream {
    let returned = &read.function.returned;
    let blamed = blamed(read);
    let is_hashed = matches!(read.source, Source::Hashed { .. });
    let is_plain = matches!(read.function.form, Form::Plain);
    let call = match (is_hashed, read.freshness.detaches()) {
        (false, _) if is_plain => quote_spanned!(blamed=> ::larder::__private::read_blocking),
        (true, _) if is_plain => quote_spanned!(blamed=> ::larder::__private::read_hashed_blocking),
        (false, None) => quote_spanned!(blamed=> ::larder::__private::read),
        (true, None) => quote_spanned!(blamed=> ::larder::__private::read_hashed),
        (false, Some(_)) => quote_spanned!(blamed=> ::larder::__private::read_detachable),
        (true, Some(_)) => quote_spanned!(blamed=> ::larder::__private::read_hashed_detachable),
    };
    let kind = if read.cache_err.is_some() {
        quote!(keeping)
    } else if value::find_borrow(returned).is_some() {
        quote!(borrowing)
    } else {
        TokenStream::new()
    };
    let coding = (read.layers == Layers::L1).then(|| quote!(, Uncoded));
    let outcome = quote_spanned!(blamed=> ::larder::__private::outcome!(#kind #returned #coding));
    let keep = keep::expand(read, blamed);
    let (eager, spec) = spec(read);
    let variable = local("spec");
    let load = load(read);
    let arguments = quote!(#site, #mode, #variable, #outcome, #keep, #load);
    let dot_await = read.function.dot_await();
    let call = quote_spanned!(blamed=> #call(#arguments) #dot_await);
    quote! {
        #eager
        let #variable = #spec;
        #call
    }
}

/// A type that cannot be cached is reported where the user wrote it.
pub(super) fn blamed(read: &Read<'_>) -> Span {
    let returned = &read.function.returned;
    let blamed = match value::of(returned) {
        ValueType::Known(ty) => ty.span(),
        ValueType::Inferred => returned.span(),
    };
    Span::mixed_site().located_at(blamed)
}

// Input:  async fn get_user(id: u64, name: String) with tags = ["user:{name}"]
// Output: || { let name = ::larder::__private::again(&name); async move { BODY } }
/// The body, and what it takes along. Arguments that the tags may still be asked for stay where
/// they are; the body gets its own copy, which costs something on a miss only.
fn load(read: &Read<'_>) -> TokenStream {
    if read.freshness.detaches().is_some() {
        return owned::load(read.function);
    }
    let names = read.tag_names();
    let scope = read.scope();
    let copies = scope
        .args_of(&names)
        .filter(|arg| !arg.is_copy())
        .map(body::copy);
    let body = body::future(read.function);
    let declared = match read.function.form {
        Form::Plain => Some(&read.function.sig.output),
        Form::Async | Form::Future | Form::Boxed { .. } => None,
    };
    quote!(|| #declared { #(#copies)* #body })
}

// Input:  key = "user:{id}", tags = ["users"], ttl = 300, lock
// Output: ::larder::Spec::new(KEY, |tags| { .. }).ttl(TTL).lock(true)
/// Statements that come first, and an expression of type `larder::Spec`; for a hashed key a
/// `Result` of it.
pub(super) fn spec(read: &Read<'_>) -> (TokenStream, TokenStream) {
    let scope = read.scope();
    let all = read.kept_names();
    let ttl = read.ttl.as_ref().map(|ttl| ttl.expand());
    let ttl = ttl.into_iter();
    let lock = read.lock.into_iter();
    let error_ttl = read.cache_err.iter().map(|ttl| ttl.expand());
    let freshness = read.freshness.expand();
    let layers = read.layers.expand();
    let changes = quote! {
        #(.ttl(#ttl))* #(.lock(#lock))* #(.error_ttl(#error_ttl))* #freshness #layers
    };
    let (key, tags, base) = (local("key"), local("tags"), local("base"));
    match &read.source {
        Source::Spec(spec) => {
            let mut spec = given(spec);
            let takes_self = uses_exclusive_self(read);
            if takes_self {
                spec = quote!(::larder::__private::detached(#spec));
            }
            if read.tags.is_empty() {
                return (TokenStream::new(), quote!(#spec #changes));
            }
            // The spec's own tags first.
            let made = local("made");
            let first = quote!((#base)(#tags););
            let mut writer = tags::writer(&read.tags, &scope, &all, &first);
            let mut eager = quote! {
                let #made = #spec;
                let #base = &#made.tags;
            };
            if takes_self {
                let (write, again) = written(&writer);
                eager.extend(write);
                writer = again;
            }
            let spec = quote! {
                #made.with_tags(#writer)#changes
            };
            (eager, spec)
        }
        Source::Key { .. } | Source::Hashed { .. } => {
            let writer = tags::writer(&read.tags, &scope, &all, &TokenStream::new());
            let (eager, writer) = if uses_exclusive_self(read) {
                written(&writer)
            } else {
                (TokenStream::new(), writer)
            };
            let made = key_of(read, &companion_name(read));
            let spec = if matches!(read.source, Source::Hashed { .. }) {
                quote!(#made.map(|#key| ::larder::Spec::new(#key, #writer)#changes))
            } else {
                quote!(::larder::Spec::new(#made, #writer)#changes)
            };
            (eager, spec)
        }
    }
}

// Input:  |tags| { .. self.tenant .. }
// Output: let mut written = ::larder::Tags::default(); (|tags| { .. })(&mut written);
//         |tags| tags.extend(&written)
/// Statements that write tags before `self` goes into the body, and what writes them again.
fn written(writer: &TokenStream) -> (TokenStream, TokenStream) {
    let (tags, written) = (local("tags"), local("written"));
    let statements = quote! {
        let mut #written = ::larder::Tags::default();
        (#writer)(&mut #written);
    };
    let again = quote!(|#tags: &mut ::larder::Tags| #tags.extend(&#written));
    (statements, again)
}

// Input:  user::profile(id)
// Output: ::larder::__private::spec(user::profile(id))
/// The expression in the attribute, known to be a spec.
fn given(spec: &Expr) -> TokenStream {
    let blamed = Span::mixed_site().located_at(spec.span());
    quote_spanned!(blamed=> ::larder::__private::spec(#spec))
}

fn uses_exclusive_self(read: &Read<'_>) -> bool {
    read.tag_names().contains("self") && !read.function.has_shared_self()
}

/// By which name a hashed key knows the function: that of the companion, which is unique.
fn companion_name(read: &Read<'_>) -> TokenStream {
    if !read.function.is_associated {
        return quote!(::core::any::type_name::<Self>());
    }
    let suffix = format!("::{}", read.function.name());
    quote!(::core::concat!(::core::module_path!(), #suffix))
}

/// An expression of type `larder::Key`; for a hashed key a `Result` of it.
pub(super) fn key_of(read: &Read<'_>, function: &TokenStream) -> TokenStream {
    let scope = read.scope();
    match &read.source {
        Source::Key { key, namespace } => key.expand(namespace.as_ref(), &scope),
        Source::Spec(spec) => {
            let spec = given(spec);
            quote!(#spec.key)
        }
        Source::Hashed { namespace } => {
            let key = hashed(read, function);
            let Some(namespace) = namespace else {
                return key;
            };
            let plain = local("plain");
            let inside = in_namespace(namespace, &scope, &plain.to_token_stream());
            quote!(#key.map(|#plain| #inside))
        }
    }
}

/// The key of the function as a whole.
pub(super) fn key(read: &Read<'_>) -> TokenStream {
    key_of(read, &companion_name(read))
}

// Input:  async fn search(text: String, page: u32), hashed
// Output: ::larder::Key::of_call(
//             NAME, &(::larder::__private::Hashed(&text), ::larder::__private::Hashed(&page)))
fn hashed(read: &Read<'_>, function: &TokenStream) -> TokenStream {
    let mut parts = Vec::new();
    if read.function.is_associated {
        // Functions of the same name in one module: of other types, and of the same type's traits,
        // which a closure's type tells apart.
        parts.push(quote!(::core::any::type_name::<Self>()));
        parts.push(quote!(::core::any::type_name_of_val(&|| ())));
    }
    for param in &read.function.sig.generics.params {
        match param {
            GenericParam::Type(param) => {
                let ident = &param.ident;
                parts.push(quote!(::core::any::type_name::<#ident>()));
            }
            GenericParam::Const(param) => parts.push(param.ident.to_token_stream()),
            GenericParam::Lifetime(_) => {}
        }
    }
    let mut look = TokenStream::new();
    for arg in &read.function.args {
        let kept: Vec<&Ident> = arg.names.iter().filter(|name| !read.skips(name)).collect();
        let is_whole = kept.len() == arg.names.len();
        let places = if is_whole && !kept.is_empty() {
            vec![&arg.ident]
        } else {
            kept
        };
        if !is_whole {
            look.extend(arg.look());
        }
        let blamed = Span::mixed_site().located_at(arg.ty.span());
        parts.extend(
            places
                .iter()
                .map(|place| quote_spanned!(blamed=> ::larder::__private::Hashed(&#place))),
        );
    }
    let tuple = nested(&parts);
    let call = quote!(::larder::Key::of_call(#function, &#tuple));
    if look.is_empty() {
        call
    } else {
        quote!({ #look #call })
    }
}

/// A tuple of any length: serde's tuples end at sixteen.
fn nested(parts: &[TokenStream]) -> TokenStream {
    const MOST: usize = 12;
    if parts.len() <= MOST {
        return quote!((#(#parts,)*));
    }
    let (first, rest) = parts.split_at(MOST);
    let rest = nested(rest);
    quote!((#(#first,)* #rest))
}

/// The names of arguments as a companion's functions take them, for those that do not use all.
pub(super) fn unused(args: &[&Arg], used: &crate::mentions::Names) -> TokenStream {
    let unused: Vec<_> = args
        .iter()
        .filter(|arg| {
            !arg.names
                .iter()
                .any(|name| used.contains(&name.unraw().to_string()))
        })
        .map(|arg| &arg.ident)
        .collect();
    if unused.is_empty() {
        TokenStream::new()
    } else {
        quote!(let _ = (#(&#unused),*);)
    }
}
