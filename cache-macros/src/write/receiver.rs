//! `self` where the body has it, or had it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::visit_mut::VisitMut as _;
use syn::{ReceiverKind, Type};

use super::model::Write;
use crate::body;
use crate::errors::Errors;
use crate::mentions::{self, Names};
use crate::scope::local;
use crate::this::ReplaceSelf;

/// How code outside the body gets at a `self` that the body takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    /// It need not, or `self` is shared.
    AsItIs,
    /// `&mut self`: the body borrows it, so it is there again after the body.
    Lent,
    /// `self`, `self: Arc<Self>`: a clone is made before the body.
    Cloned,
    /// Another kind that can neither be lent nor cloned, as `Pin<&mut Self>`.
    Taken,
}

impl Receiver {
    fn of(write: &Write<'_>) -> Self {
        let function = write.function;
        let Some(receiver) = function.receiver() else {
            return Self::AsItIs;
        };
        if function.has_shared_self() || !(judges(write) || recaches(write)) {
            return Self::AsItIs;
        }
        match &receiver.kind {
            ReceiverKind::Reference(..) => Self::Lent,
            ReceiverKind::Typed(_, ty) => match &**ty {
                Type::Reference(_) => Self::Lent,
                Type::Path(path)
                    if path
                        .path
                        .segments
                        .last()
                        .is_some_and(|last| last.ident == "Pin") =>
                {
                    Self::Taken
                }
                _ => Self::Cloned,
            },
            _ => Self::Cloned,
        }
    }
}

/// Whether what depends on the returned value names `self` too.
fn judges(write: &Write<'_>) -> bool {
    let both = |names: &Names| names.contains("self") && names.contains("ret");
    write.tags.iter().any(|tag| both(&write.tag_names(tag)))
        || write.keys.iter().any(|key| both(&write.key_names(key)))
        || write.puts.iter().any(|put| both(&put.late_names()))
}

fn recaches(write: &Write<'_>) -> bool {
    let mut calls = write.recache.iter();
    calls.any(|call| mentions::of_expr(call).contains("self"))
}

pub(super) fn check(write: &Write<'_>, errors: &mut Errors) {
    let receiver = Receiver::of(write);
    let has_it = match receiver {
        Receiver::AsItIs | Receiver::Cloned => true,
        // What was returned is looked at while the body still borrows it.
        Receiver::Lent => !judges(write),
        Receiver::Taken => false,
    };
    if let Some(written) = write.function.receiver().filter(|_| !has_it) {
        let what = if judges(write) { "`ret`" } else { "`recache`" };
        errors.on(
            written.self_token,
            format!("the body has `self` for itself here, and {what} comes after it: name arguments in its place, or take `&self`"),
        );
    }
}

// Input:  fn create(self: Arc<Self>, ..)
// Output: let this = ::larder::__private::again(&self);
/// A statement before the body.
pub(super) fn keep(write: &Write<'_>) -> TokenStream {
    match Receiver::of(write) {
        Receiver::Cloned => clone(write, Ident::new("self", Span::call_site())),
        Receiver::AsItIs | Receiver::Lent | Receiver::Taken => TokenStream::new(),
    }
}

// Input:  fn rename(&mut self, ..) { self.names.push(..) }
// Output: let this = &mut *self; async move { this.names.push(..) }
/// The body, as a future.
pub(super) fn future(write: &Write<'_>) -> TokenStream {
    if Receiver::of(write) != Receiver::Lent {
        return body::future(write.function);
    }
    let this = this();
    let mut block = (*write.function.block).clone();
    ReplaceSelf(this.clone()).visit_block_mut(&mut block);
    let future = body::future_of(write.function, &TokenStream::new(), &block);
    quote!(let #this = &mut *self; #future)
}

/// A statement after the body.
pub(super) fn back(write: &Write<'_>) -> TokenStream {
    let this = this();
    match Receiver::of(write) {
        Receiver::Lent => quote!(let #this = &*self;),
        Receiver::AsItIs | Receiver::Cloned | Receiver::Taken => TokenStream::new(),
    }
}

/// A statement for a call that is made after the body.
pub(super) fn for_call(write: &Write<'_>, names: &Names) -> TokenStream {
    match Receiver::of(write) {
        Receiver::Cloned if names.contains("self") => clone(write, this()),
        _ => TokenStream::new(),
    }
}

/// Code that names `self` and stands outside the body.
pub(super) fn outside(write: &Write<'_>, code: TokenStream) -> TokenStream {
    match Receiver::of(write) {
        Receiver::AsItIs | Receiver::Taken => code,
        Receiver::Lent | Receiver::Cloned => ReplaceSelf(this()).in_tokens(code),
    }
}

/// On the user's word both times, so that a `self` that is not `Clone` is one mistake.
fn clone(write: &Write<'_>, from: Ident) -> TokenStream {
    let this = this();
    let mut from = from;
    if let Some(receiver) = write.function.receiver() {
        from.set_span(from.span().located_at(receiver.self_token.span));
    }
    let blamed = Span::mixed_site().located_at(from.span());
    let again = quote_spanned!(blamed=> ::larder::__private::again(&#from));
    quote!(let #this = #again;)
}

fn this() -> Ident {
    local("self")
}
