//! Loads that own their arguments, so that they can go on without their caller.
//!
//! Only a load that is run clones them: a hit does not.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut as _;
use syn::{GenericArgument, PathArguments, ReceiverKind, Type};

use super::value::find_borrow;
use crate::body;
use crate::errors::Errors;
use crate::function::{Arg, Function};
use crate::scope::local;
use crate::this::ReplaceSelf;

/// How an argument comes to be owned.
enum Form<'a> {
    /// It is copied, or cloned.
    Value,
    /// `&T`
    Reference(&'a Type),
    /// `Option<&T>`
    Optional(&'a Type),
    /// What it borrows cannot be told from its type, or must not be cloned.
    Borrowing(Span),
}

impl<'a> Form<'a> {
    fn of(ty: &'a Type) -> Self {
        if let Some(referenced) = referenced(ty) {
            return match find_borrow(referenced) {
                None => Self::Reference(referenced),
                Some(at) => Self::Borrowing(at),
            };
        }
        if let Some(referenced) = only_argument(ty, "Option").and_then(referenced)
            && find_borrow(referenced).is_none()
        {
            return Self::Optional(referenced);
        }
        match find_borrow(ty) {
            None => Self::Value,
            Some(at) => Self::Borrowing(at),
        }
    }
}

/// `&T`: T
fn referenced(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() => Some(&reference.elem),
        Type::Paren(inside) => referenced(&inside.elem),
        Type::Group(inside) => referenced(&inside.elem),
        _ => None,
    }
}

/// `Option<T>`: T
fn only_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match (last.ident == name, arguments.args.first()) {
        (true, Some(GenericArgument::Type(ty))) if arguments.args.len() == 1 => Some(ty),
        _ => None,
    }
}

/// Reports arguments that a load in the background cannot own. `word` is the option that asks for it.
pub(super) fn check(function: &Function, word: &Ident, errors: &mut Errors) {
    for arg in &function.args {
        if let Form::Borrowing(at) = Form::of(&arg.ty) {
            errors.at(
                at,
                format!("`{word}` loads in the background, where what this borrows may be gone: take it owned, or as a plain `&T` to be cloned"),
            );
        }
    }
    if let Some(receiver) = function.receiver()
        && !function.has_shared_self()
        && matches!(receiver.kind, ReceiverKind::Reference(..))
    {
        errors.on(
            receiver.self_token,
            format!("`{word}` loads in the background, where `&mut self` cannot be: take `&self`"),
        );
    }
}

// Input:  async fn user(&self, name: &str) -> User { self.load(name).await }
// Output: || {
//             let this = ::larder::__private::own(self);
//             let name = ::larder::__private::own(name);
//             async move {
//                 let this = &this;
//                 let name = ::larder::__private::lend::<str, _>(&name);
//                 { this.load(name).await }
//             }
//         }
pub(super) fn load(function: &Function) -> TokenStream {
    let (mut own, mut lend) = (TokenStream::new(), TokenStream::new());
    let mut block = (*function.block).clone();
    if let Some(receiver) = function.receiver() {
        let this = local("self");
        let blamed = Span::mixed_site().located_at(receiver.self_token.span());
        let (given, mutable) = (&receiver.self_token, &receiver.mutability);
        if function.has_shared_self() {
            own.extend(quote_spanned!(blamed=> let #this = ::larder::__private::own(#given);));
            lend.extend(quote!(let #this = &#this;));
        } else {
            own.extend(
                quote_spanned!(blamed=> let #mutable #this = ::larder::__private::again(&#given);),
            );
        }
        ReplaceSelf(this).visit_block_mut(&mut block);
    }
    for arg in &function.args {
        owned(arg, &mut own, &mut lend);
    }
    let future = body::future_of(function, &lend, &block);
    quote!(|| { #own #future })
}

fn owned(arg: &Arg, own: &mut TokenStream, lend: &mut TokenStream) {
    let ident = &arg.ident;
    let blamed = Span::mixed_site().located_at(arg.ty.span());
    match Form::of(&arg.ty) {
        Form::Value if arg.is_copy() => {}
        Form::Value | Form::Borrowing(_) => own.extend(body::copy(arg)),
        Form::Reference(ty) => {
            own.extend(quote_spanned!(blamed=> let #ident = ::larder::__private::own(#ident);));
            lend.extend(quote!(let #ident = ::larder::__private::lend::<#ty, _>(&#ident);));
        }
        Form::Optional(ty) => {
            let owner = quote_spanned!(blamed=> ::larder::__private::own);
            own.extend(quote!(let #ident = #ident.map(#owner);));
            lend.extend(quote! {
                let #ident = #ident.as_ref().map(::larder::__private::lend::<#ty, _>);
            });
        }
    }
}
