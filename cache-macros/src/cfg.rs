//! Arguments under `#[cfg(..)]`, which an attribute gets to see whether they are there or not.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, FnArg, ItemFn, Meta, PatType};

// Input:  #[cache_read(key = "user:{id}", skip(trace))]
//         async fn get_user(id: u64, #[cfg(feature = "trace")] trace: &Trace) -> User { BODY }
// Output: #[cfg(feature = "trace")] #[::larder::cache_read(..)]
//         async fn get_user(id: u64, trace: &Trace) -> User { BODY }
//         #[cfg(not(feature = "trace"))] #[::larder::cache_read(..)]
//         async fn get_user(id: u64, #[cfg(false)] trace: &Trace) -> User { BODY }
/// The function with its first conditional argument and without it, each annotated again; nothing
/// where no argument is conditional. The compiler takes one of the two, and by `#[cfg(false)]` the
/// other knows that what `skip` names is meant to be absent.
pub(crate) fn branches(
    attribute: &str,
    arguments: &TokenStream,
    item: &TokenStream,
) -> Option<TokenStream> {
    let with: ItemFn = syn::parse2(item.clone()).ok()?;
    let mut without = with.clone();
    let mut with = with;
    let (at, index, condition) = with.sig.inputs.iter().enumerate().find_map(|(at, input)| {
        let (index, condition) = condition(typed(input)?)?;
        Some((at, index, condition))
    })?;
    if let FnArg::Typed(arg) = &mut with.sig.inputs[at] {
        arg.attrs.remove(index);
    }
    if let FnArg::Typed(arg) = &mut without.sig.inputs[at] {
        arg.attrs = vec![syn::parse_quote!(#[cfg(false)])];
    }
    let name = format_ident!("{attribute}");
    // Where the attribute stands is where the function is said to be.
    let again = quote_spanned!(Span::call_site()=> #[::larder::#name(#arguments)]);
    Some(quote! {
        #[cfg(#condition)] #again #with
        #[cfg(not(#condition))] #again #without
    })
}

/// Whether the argument is known to be absent.
pub(crate) fn is_absent(arg: &PatType) -> bool {
    arg.attrs.iter().any(is_never)
}

fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(arg) if !is_absent(arg) => Some(arg),
        _ => None,
    }
}

/// The first condition of an argument, and which of its attributes that is.
fn condition(arg: &PatType) -> Option<(usize, TokenStream)> {
    arg.attrs
        .iter()
        .enumerate()
        .find_map(|(index, attr)| match &attr.meta {
            Meta::List(list) if list.path.is_ident("cfg") => Some((index, list.tokens.clone())),
            _ => None,
        })
}

fn is_never(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg")
        && attr
            .parse_args::<syn::LitBool>()
            .is_ok_and(|literal| !literal.value)
}
