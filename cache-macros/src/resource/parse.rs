//! The syntax of `resource!`.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, LitStr, Token, Visibility};

use crate::errors::Errors;
use crate::options::{Known, Options, known};

const KNOWN: &[Known] = &[
    known("key", "key = \"v2:user:{user_id}\""),
    known("ttl", "ttl = 300"),
    known("tags", "tags = [\"avatars\"]"),
    known("namespace", "namespace = \"{org}\""),
    known("lock", "lock"),
];

/// `pub user(user_id: u64) { .. }`
pub(super) struct Resource {
    pub(super) attrs: Vec<Attribute>,
    pub(super) vis: Visibility,
    pub(super) name: Ident,
    pub(super) ids: Vec<FnArg>,
    pub(super) entries: Vec<Entry>,
}

/// `avatar(size: u32): key = "..", ttl = long;`
pub(super) struct Entry {
    pub(super) attrs: Vec<Attribute>,
    pub(super) name: Ident,
    pub(super) args: Vec<FnArg>,
    pub(super) key: Option<Expr>,
    pub(super) ttl: Option<Expr>,
    pub(super) tags: Option<Expr>,
    pub(super) namespace: Option<LitStr>,
    pub(super) lock: Option<bool>,
    /// Whether something that was not understood may have been meant to be the key.
    pub(super) is_broken: bool,
}

pub(super) fn resources(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Vec<Resource>> {
    let mut resources = Vec::new();
    while !input.is_empty() {
        resources.push(resource(input, errors)?);
    }
    Ok(resources)
}

fn resource(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Resource> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    let name = name(
        input,
        "the name of a resource, as in `pub user(user_id: u64) { .. }`",
    )?;
    if !input.peek(syn::token::Paren) {
        return Err(input.error(format!(
            "a resource has ids, as in `{name}(id: u64) {{ .. }}`"
        )));
    }
    let ids = arguments(input)?;
    if !input.peek(syn::token::Brace) {
        return Err(input.error("the entries of a resource stand in `{ .. }`"));
    }
    let content;
    syn::braced!(content in input);
    let mut entries = Vec::new();
    while !content.is_empty() {
        entries.push(entry(&content, errors)?);
    }
    Ok(Resource {
        attrs,
        vis,
        name,
        ids,
        entries,
    })
}

fn entry(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Entry> {
    let attrs = input.call(Attribute::parse_outer)?;
    let name = name(input, "the name of an entry, as in `profile: ttl = 300;`")?;
    let args = if input.peek(syn::token::Paren) {
        arguments(input)?
    } else {
        Vec::new()
    };
    let before = errors.count();
    let mut options = Options::default();
    if input.peek(Token![:]) {
        input.parse::<Token![:]>()?;
        options = Options::parse(input, KNOWN, errors);
    }
    if input.parse::<Token![;]>().is_err() {
        return Err(input.error(format!(
            "an entry ends with `;`, as in `{name}: ttl = 300;`"
        )));
    }
    for extra in options.positional.drain(..) {
        errors.on(extra, "an entry takes options by name, as in `ttl = 300`");
    }
    let key = options.expr("key", KNOWN, errors);
    let is_broken = errors.count() > before;
    Ok(Entry {
        attrs,
        name,
        args,
        key,
        ttl: options.expr("ttl", KNOWN, errors),
        tags: options.expr("tags", KNOWN, errors),
        namespace: options.string("namespace", KNOWN, errors),
        lock: options.flag("lock", errors),
        is_broken,
    })
}

fn name(input: ParseStream<'_>, expected: &str) -> syn::Result<Ident> {
    if input.peek(Ident::peek_any) {
        return input.parse();
    }
    Err(input.error(format!("here comes {expected}")))
}

fn arguments(input: ParseStream<'_>) -> syn::Result<Vec<FnArg>> {
    let content;
    syn::parenthesized!(content in input);
    let arguments = Punctuated::<FnArg, Token![,]>::parse_terminated(&content)?;
    Ok(arguments.into_iter().collect())
}
