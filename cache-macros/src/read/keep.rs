//! The options about what is kept: `cache_if`, `cache_none`, `ttl_of`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprClosure, PatIdent};

use super::model::Read;
use crate::errors::Errors;
use crate::mentions::{self, Names};
use crate::scope::local;

/// What is asked of a value: a closure of one argument, or anything that can be called with it.
pub(crate) enum Question {
    Closure(Box<ExprClosure>),
    Call(Expr),
}

impl Question {
    /// `name` is the option's, for messages.
    pub(crate) fn from_expr(name: &str, expr: Expr, errors: &mut Errors) -> Option<Self> {
        match expr {
            Expr::Closure(closure) if closure.asyncness.is_some() => {
                errors.on(
                    closure.asyncness,
                    format!("`{name}` answers at once: take `async` away"),
                );
                None
            }
            Expr::Closure(closure) if closure.inputs.len() != 1 => {
                errors.on(
                    &closure.inputs,
                    format!("`{name}` gets one thing, the value, as in `{name} = |value| ..`"),
                );
                None
            }
            Expr::Closure(closure) => Some(Self::Closure(Box::new(closure))),
            Expr::Lit(literal) => {
                errors.on(
                    literal,
                    format!("`{name}` is a question about the value, as in `{name} = |value| ..`"),
                );
                None
            }
            other => Some(Self::Call(other)),
        }
    }

    // Input:  |user| user.is_active
    // Output: { let user = value; { user.is_active } }
    /// The answer for the value in the variable `value`. A closure that is called where it stands would
    /// not know its argument's type, so it is taken apart.
    fn expand(&self) -> TokenStream {
        let value = local("value");
        match self {
            Self::Closure(closure) => {
                let (pat, body) = (&closure.inputs[0], &closure.body);
                quote!({ let #pat = #value; #body })
            }
            Self::Call(function) => quote!((#function)(#value)),
        }
    }

    /// The names that it mentions, but for the value's own.
    pub(super) fn names(&self) -> Names {
        match self {
            Self::Closure(closure) => {
                let mut own = Own(Names::new());
                own.visit_pat(&closure.inputs[0]);
                let mut names = mentions::of_expr(&closure.body);
                names.retain(|name| !own.0.contains(name));
                names
            }
            Self::Call(function) => mentions::of_expr(function),
        }
    }

    fn span(&self) -> Span {
        match self {
            Self::Closure(closure) => closure.body.span(),
            Self::Call(function) => function.span(),
        }
    }
}

/// The names that a pattern binds.
struct Own(Names);

impl<'ast> Visit<'ast> for Own {
    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        self.0.insert(pat.ident.unraw().to_string());
        visit::visit_pat_ident(self, pat);
    }
}

// Input:  cache_if = |user| user.is_active, ttl_of = |user| user.ttl
// Output: |value| {
//             let kept: bool = { let user = value; user.is_active };
//             if !kept { return ::larder::__private::Keep::Not; }
//             ::larder::__private::Keep::For(::larder::Ttl::from({ let user = value; user.ttl }))
//         }
/// What says whether a loaded value is kept, and for how long.
pub(super) fn expand(read: &Read<'_>, blamed: Span) -> TokenStream {
    let (cache_if, ttl_of) = (read.cache_if.as_ref(), read.ttl_of.as_ref());
    keeping(read.keeps_none, cache_if, ttl_of, blamed)
}

/// The same from the options themselves.
pub(crate) fn keeping(
    keeps_none: bool,
    cache_if: Option<&Question>,
    ttl_of: Option<&Question>,
    blamed: Span,
) -> TokenStream {
    if keeps_none && cache_if.is_none() && ttl_of.is_none() {
        return quote_spanned!(blamed=> ::larder::__private::always);
    }
    let (value, kept) = (local("value"), local("kept"));
    let not = quote!(return ::larder::__private::Keep::Not;);
    let some = (!keeps_none).then(|| {
        let mut asked = value.clone();
        asked.set_span(value.span().located_at(blamed));
        let is_some = quote_spanned!(blamed=> ::larder::__private::MaybeNone::is_some(#asked));
        quote!(if !#is_some { #not })
    });
    let cache_if = cache_if.iter().map(|question| {
        let answer = question.expand();
        let typed = quote_spanned!(question.span()=> let #kept: ::core::primitive::bool = #answer;);
        quote!(#typed if !#kept { #not })
    });
    let keep = match ttl_of {
        None => quote!(::larder::__private::Keep::Usual),
        Some(question) => {
            let answer = question.expand();
            let from = quote_spanned!(question.span()=> ::larder::Ttl::from);
            quote!(::larder::__private::Keep::For(#from(#answer)))
        }
    };
    quote!(|#value| { #some #(#cache_if)* #keep })
}
