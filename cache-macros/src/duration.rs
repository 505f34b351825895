//! Durations in options: `early_ttl = "4m"`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::errors::Errors;

/// A duration whose form is known.
pub(crate) enum Length {
    /// Seconds, or a text that was checked.
    Fixed(Duration, Span),
    /// Anything that is a `Duration` when it is evaluated.
    Expr(Expr),
}

impl Length {
    /// `name` is the option's, for messages.
    pub(crate) fn from_expr(name: &str, expr: Expr, errors: &mut Errors) -> Option<Self> {
        match &expr {
            Expr::Lit(ExprLit { lit, .. }) => {
                let length = from_literal(lit, &format!("`{name}`"), errors)?;
                if length.is_zero() {
                    errors.on(
                        lit,
                        format!("`{name}` is longer than nothing: leave it out"),
                    );
                    return None;
                }
                Some(Self::Fixed(length, lit.span()))
            }
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_), ..
            }) => {
                errors.on(&expr, format!("`{name}` cannot be negative"));
                None
            }
            _ => Some(Self::Expr(expr)),
        }
    }

    /// The expression in the attribute that is evaluated at each call.
    pub(crate) fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Fixed(..) => None,
        }
    }

    // Input:  early_ttl = "4m"
    // Output: ::core::time::Duration::from_secs(240u64)
    pub(crate) fn expand(&self) -> TokenStream {
        match self {
            Self::Fixed(length, _) => fixed(*length),
            Self::Expr(expr) => {
                // Said here, so that something else is wrong where it stands.
                quote_spanned!(expr.span()=> ::core::convert::identity::<::core::time::Duration>(#expr))
            }
        }
    }
}

/// An expression that is this `Duration`.
pub(crate) fn fixed(length: Duration) -> TokenStream {
    if length.subsec_nanos() == 0 {
        let seconds = length.as_secs();
        quote!(::core::time::Duration::from_secs(#seconds))
    } else {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        quote!(::core::time::Duration::from_millis(#millis))
    }
}

/// Seconds, or a text in words, in whole milliseconds. `what` is the option, for messages.
pub(crate) fn from_literal(lit: &Lit, what: &str, errors: &mut Errors) -> Option<Duration> {
    let length = match lit {
        Lit::Int(seconds) => match seconds.base10_parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                errors.on(
                    lit,
                    format!("{what} is a number of seconds that fits into a `u64`"),
                );
                return None;
            }
        },
        Lit::Str(text) => match humantime::parse_duration(&text.value()) {
            Ok(length) => length,
            Err(_) => {
                errors.on(
                    lit,
                    format!(
                        "`{}` is not a duration: write it as in `\"90s\"`, `\"5m\"` or `\"1h 30m\"`",
                        text.value()
                    ),
                );
                return None;
            }
        },
        _ => {
            errors.on(
                lit,
                format!("{what} is a number of seconds, or a text as in `\"500ms\"` or `\"5m\"`"),
            );
            return None;
        }
    };
    if length.subsec_nanos() % 1_000_000 != 0 {
        errors.on(
            lit,
            format!("{what} counts in milliseconds: write a whole number of them"),
        );
        return None;
    }
    Some(length)
}
