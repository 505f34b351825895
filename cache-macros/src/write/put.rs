//! `put = [get_user(id)]`: the entries that what the write returned is put into.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprCall, Path, PathArguments};

use super::model::Write;
use crate::body;
use crate::errors::Errors;
use crate::mentions::{self, Names};
use crate::scope::{local, ret_ident};

/// The entry that an annotated function has for some arguments.
pub(super) struct Put {
    /// As it is written.
    call: Expr,
    /// The function's path without its arguments in `<>`.
    function: Path,
    turbofish: PathArguments,
    arguments: TokenStream,
    /// What the arguments mention.
    names: Names,
}

impl Put {
    pub(super) fn list_from_expr(expr: Expr, errors: &mut Errors) -> Vec<Self> {
        let calls: Vec<Expr> = match expr {
            Expr::Array(calls) => {
                if calls.elems.is_empty() {
                    errors.on(
                        &calls,
                        "there are no calls in it: leave `put` out, or name one",
                    );
                }
                calls.elems.into_iter().collect()
            }
            call => vec![call],
        };
        calls
            .into_iter()
            .filter_map(|call| Self::from_expr(call, errors))
            .collect()
    }

    fn from_expr(expr: Expr, errors: &mut Errors) -> Option<Self> {
        let (call, path) = match &expr {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) if path.qself.is_none() => (call, &path.path),
                other => {
                    errors.on(other, SHOULD);
                    return None;
                }
            },
            Expr::MethodCall(call) => {
                errors.on(&call.method, METHOD);
                return None;
            }
            Expr::Await(call) => {
                errors.on(
                    call.await_token,
                    "nothing is awaited: the call only names an entry, so leave `.await` out",
                );
                return None;
            }
            other => {
                errors.on(other, SHOULD);
                return None;
            }
        };
        if let Some(first) = path.segments.first()
            && first.ident == "Self"
        {
            errors.on(path, METHOD);
            return None;
        }
        let mut function = path.clone();
        let turbofish = match function.segments.last_mut() {
            Some(last) => std::mem::take(&mut last.arguments),
            None => PathArguments::None,
        };
        let ExprCall { args, .. } = call;
        Some(Self {
            function,
            turbofish,
            names: args.iter().flat_map(mentions::of_expr).collect(),
            arguments: quote!(#args),
            call: expr,
        })
    }

    pub(super) fn expr(&self) -> &Expr {
        &self.call
    }

    /// The names that are needed after the body.
    pub(super) fn late_names(&self) -> Names {
        if self.is_late() {
            self.names.clone()
        } else {
            Names::new()
        }
    }

    /// Whether the entry is known only when the write has returned.
    fn is_late(&self) -> bool {
        self.names.contains("ret")
    }

    fn span(&self) -> Span {
        Span::mixed_site().located_at(self.call.span())
    }

    // Input:  users::get_page::<User>(number)
    // Output: { COPIES __LarderPut0::__put::<User>(number) }
    /// The entry. The call gets its own copy of what it mentions.
    fn entry(&self, write: &Write<'_>, companion: &Ident) -> TokenStream {
        let scope = write.scope();
        let copies = scope.args_of(&self.names).map(|arg| {
            let copy = (!arg.is_copy()).then(|| body::copy(arg));
            let look = arg.take_apart();
            quote!(#copy #look)
        });
        let copies: TokenStream = copies.collect();
        let (turbofish, arguments) = (&self.turbofish, &self.arguments);
        let entry = quote_spanned!(self.span()=> #companion::__put #turbofish (#arguments));
        if copies.is_empty() {
            entry
        } else {
            quote!({ #copies #entry })
        }
    }
}

const SHOULD: &str = "a put is a call of an annotated function, as in `put = get_user(id)`";
const METHOD: &str = "a put names the entry of a free function: methods have no companion";

/// The code for all puts of a write.
pub(super) struct Puts {
    /// What stands before the body.
    pub(super) before: TokenStream,
    /// What stands where `ret` is known.
    pub(super) after: TokenStream,
}

// Input:  put = [get_user(id), get_user_by_name(&ret.name)]
// Output: type __LarderPut0 = get_user;
//         type __LarderPut1 = get_user_by_name;
//         let mut puts = ::larder::__private::Puts::default();
//         let put0 = __LarderPut0::__put(id);
//         puts.foresee(&put0);
//         puts.expect(__LarderPut1::__site(), __LarderPut1::__NAMESPACE);
//
//         puts.give(put0, ret);
//         puts.give(__LarderPut1::__put(&ret.name), ret);
/// The user's path stands in one place, so that a wrong one is one error.
pub(super) fn expand(write: &Write<'_>) -> Puts {
    let (puts, ret) = (local("puts"), ret_ident());
    let mut before = quote!(let mut #puts = ::larder::__private::Puts::default(););
    let mut after = TokenStream::new();
    for (number, put) in write.puts.iter().enumerate() {
        let companion = format_ident!("__LarderPut{number}");
        let function = &put.function;
        before.extend(quote!(type #companion = #function;));
        let entry = put.entry(write, &companion);
        let mut ret = ret.clone();
        ret.set_span(ret.span().located_at(put.call.span()));
        let span = put.span();
        if put.is_late() {
            before.extend(
                quote_spanned!(span=> #puts.expect(#companion::__site(), #companion::__NAMESPACE);),
            );
            after.extend(quote_spanned!(span=> #puts.give(#entry, #ret);));
        } else {
            let known = local(&format!("put{number}"));
            before.extend(quote!(let #known = #entry;));
            before.extend(quote_spanned!(span=> #puts.foresee(&#known);));
            after.extend(quote_spanned!(span=> #puts.give(#known, #ret);));
        }
    }
    Puts { before, after }
}
