//! `ttl = ..`: how long an entry may be used.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::duration;
use crate::errors::{Errors, did_you_mean};

const WORDS: [(&str, &str); 4] = [
    ("short", "Short"),
    ("default", "Default"),
    ("long", "Long"),
    ("never", "Never"),
];

/// A ttl whose form is known.
pub(crate) enum Ttl {
    /// `short`, `default`, `long`, `never`: the variant of `larder::Ttl`.
    Word(&'static str),
    /// Seconds, or a text that was checked.
    Fixed(Duration),
    /// Anything that becomes a `larder::Ttl` when it is evaluated.
    Expr(Expr),
}

impl Ttl {
    /// `is_argument` says whether a name is an argument, so that a slip in a word is recognized.
    pub(crate) fn from_expr(
        expr: Expr,
        is_argument: impl Fn(&str) -> bool,
        errors: &mut Errors,
    ) -> Option<Self> {
        match &expr {
            Expr::Lit(ExprLit { lit, .. }) => Self::from_literal(lit, errors),
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_), ..
            }) => {
                errors.on(&expr, "a ttl cannot be negative");
                None
            }
            Expr::Path(path) => {
                let Some(name) = path.path.get_ident().map(ToString::to_string) else {
                    return Some(Self::Expr(expr));
                };
                if is_argument(&name) {
                    return Some(Self::Expr(expr));
                }
                if let Some((_, variant)) = WORDS.iter().find(|(word, _)| *word == name) {
                    return Some(Self::Word(variant));
                }
                if name.chars().any(char::is_uppercase) {
                    return Some(Self::Expr(expr));
                }
                let mut hint = did_you_mean(&name, WORDS.map(|(word, _)| word));
                if hint.is_empty() {
                    hint = "; there are `short`, `default`, `long` and `never`".to_owned();
                }
                errors.on(&expr, format!("unknown ttl `{name}`{hint}"));
                None
            }
            _ => Some(Self::Expr(expr)),
        }
    }

    fn from_literal(lit: &Lit, errors: &mut Errors) -> Option<Self> {
        let ttl = duration::from_literal(lit, "a ttl", errors)?;
        if ttl.is_zero() {
            errors.on(
                lit,
                "a ttl of zero stores nothing: leave `ttl` out for the usual one",
            );
            return None;
        }
        Some(Self::Fixed(ttl))
    }

    /// The expression in the attribute that is evaluated at each call.
    pub(crate) fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Word(_) | Self::Fixed(_) => None,
        }
    }

    // Input:  ttl = "5m"
    // Output: ::larder::Ttl::For(::core::time::Duration::from_secs(300u64))
    pub(crate) fn expand(&self) -> TokenStream {
        match self {
            Self::Word(variant) => {
                let variant = quote::format_ident!("{variant}");
                quote!(::larder::Ttl::#variant)
            }
            Self::Fixed(ttl) => {
                let ttl = duration::fixed(*ttl);
                quote!(::larder::Ttl::For(#ttl))
            }
            Self::Expr(expr) => {
                let from = quote::quote_spanned!(expr.span()=> ::larder::Ttl::from);
                quote!(#from(#expr))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(ttl: &str) -> String {
        let mut errors = Errors::default();
        let ttl = Ttl::from_expr(syn::parse_str(ttl).unwrap(), |_| false, &mut errors);
        ttl.map_or_else(
            || errors.into_tokens().to_string(),
            |ttl| ttl.expand().to_string(),
        )
    }

    #[test]
    fn literals_become_durations() {
        assert!(expanded("300").contains("from_secs (300u64)"));
        assert!(expanded("\"1h 30m\"").contains("from_secs (5400u64)"));
        assert!(expanded("\"1500ms\"").contains("from_millis (1500u64)"));
        assert!(expanded("long").ends_with(":: Long"));
    }

    #[test]
    fn what_is_no_ttl_is_refused() {
        for ttl in [
            "0",
            "\"0s\"",
            "\"5 parsecs\"",
            "-1",
            "1.5",
            "\"1us\"",
            "lnog",
            "forever",
        ] {
            assert!(expanded(ttl).contains("compile_error"), "{ttl}");
        }
    }
}
