//! The options about an entry's age: `early_ttl`, `refresh`, `stale_for`, `load_timeout`, `jitter`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::duration::Length;
use crate::errors::Errors;
use crate::mentions::{self, Names};
use crate::options::{Known, Options};
use crate::ttl::Ttl;

/// The options as they are written.
pub(crate) struct Parsed {
    early_ttl: Option<(Ident, Expr)>,
    refresh: Option<(Ident, bool)>,
    stale_for: Option<Expr>,
    load_timeout: Option<(Ident, Expr)>,
    jitter: Option<Expr>,
}

impl Parsed {
    pub(crate) fn take(options: &mut Options, known: &[Known], errors: &mut Errors) -> Self {
        let word = |options: &Options, name| options.key(name).cloned();
        let (early, refresh, timeout) = (
            word(options, "early_ttl"),
            word(options, "refresh"),
            word(options, "load_timeout"),
        );
        Self {
            early_ttl: early.zip(options.expr("early_ttl", known, errors)),
            refresh: refresh.zip(options.flag("refresh", errors)),
            stale_for: options.expr("stale_for", known, errors),
            load_timeout: timeout.zip(options.expr("load_timeout", known, errors)),
            jitter: options.expr("jitter", known, errors),
        }
    }
}

/// What the options say.
pub(crate) struct Freshness {
    early_ttl: Option<(Ident, Length)>,
    refresh: Option<(Ident, bool)>,
    stale_for: Option<Length>,
    load_timeout: Option<(Ident, Length)>,
    jitter: Option<Jitter>,
}

enum Jitter {
    Percent(u8),
    UpTo(Length),
}

impl Freshness {
    pub(crate) fn decide(parsed: Parsed, errors: &mut Errors) -> Self {
        let mut length =
            |name, expr: Option<Expr>| expr.and_then(|expr| Length::from_expr(name, expr, errors));
        let (early, early_ttl) = parsed.early_ttl.unzip();
        let (timeout, load_timeout) = parsed.load_timeout.unzip();
        Self {
            early_ttl: early.zip(length("early_ttl", early_ttl)),
            refresh: parsed.refresh,
            stale_for: length("stale_for", parsed.stale_for),
            load_timeout: timeout.zip(length("load_timeout", load_timeout)),
            jitter: parsed
                .jitter
                .and_then(|jitter| Jitter::from_expr(jitter, errors)),
        }
    }

    /// The option because of which a load may have to go on without its caller.
    pub(crate) fn detaches(&self) -> Option<&Ident> {
        let early = self.early_ttl.as_ref().map(|(word, _)| word);
        early.or(self.load_timeout.as_ref().map(|(word, _)| word))
    }

    /// The names that the options mention.
    pub(crate) fn names(&self) -> Names {
        let lengths = [
            self.early_ttl.as_ref().map(|(_, length)| length),
            self.stale_for.as_ref(),
            self.load_timeout.as_ref().map(|(_, length)| length),
            match &self.jitter {
                Some(Jitter::UpTo(length)) => Some(length),
                Some(Jitter::Percent(_)) | None => None,
            },
        ];
        let exprs = lengths.into_iter().flatten().filter_map(Length::expr);
        exprs.flat_map(mentions::of_expr).collect()
    }

    pub(crate) fn check(&self, ttl: Option<&Ttl>, errors: &mut Errors) {
        if let (Some((_, Length::Fixed(early, at))), Some(Ttl::Fixed(ttl))) = (&self.early_ttl, ttl)
            && early >= ttl
        {
            errors.at(
                *at,
                "the entry has expired by then: `early_ttl` is shorter than `ttl`",
            );
        }
        if let Some((word, _)) = &self.load_timeout
            && self.stale_for.is_none()
        {
            errors.on(
                word,
                "`load_timeout` is how long a load may take before something stale is served: say with `stale_for` how long that is kept",
            );
        }
        if let (Some((word, true)), Some(Ttl::Word("Never"))) = (&self.refresh, ttl) {
            errors.on(
                word,
                "an entry that never expires has no ttl to be renewed: leave `refresh` out",
            );
        }
    }

    // Input:  early_ttl = 240, refresh, stale_for = "1h", load_timeout = "100ms", jitter = "10%"
    // Output: .early_ttl(..).renewed_by_hits(true).stale_for(..).load_timeout(..)
    //         .jitter(::larder::Jitter::Percent(10u8))
    /// The calls that a spec gets.
    pub(crate) fn expand(&self) -> TokenStream {
        let early = self.early_ttl.iter().map(|(_, length)| length.expand());
        let renews = self.refresh.iter().map(|(_, renews)| renews);
        let stale = self.stale_for.iter().map(Length::expand);
        let timeout = self.load_timeout.iter().map(|(_, length)| length.expand());
        let jitter = self.jitter.iter().map(Jitter::expand);
        quote! {
            #(.early_ttl(#early))* #(.renewed_by_hits(#renews))* #(.stale_for(#stale))*
            #(.load_timeout(#timeout))* #(.jitter(#jitter))*
        }
    }
}

impl Jitter {
    /// `"10%"`, or a duration.
    fn from_expr(expr: Expr, errors: &mut Errors) -> Option<Self> {
        if let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &expr
            && let Some(number) = text.value().strip_suffix('%')
        {
            return Self::percent(text, number, errors);
        }
        Length::from_expr("jitter", expr, errors).map(Self::UpTo)
    }

    fn percent(text: &LitStr, number: &str, errors: &mut Errors) -> Option<Self> {
        match number.trim().parse::<u8>() {
            Ok(percent @ 1..=100) => Some(Self::Percent(percent)),
            _ => {
                errors.on(
                    text,
                    "a share of the ttl is a whole number from `\"1%\"` to `\"100%\"`",
                );
                None
            }
        }
    }

    fn expand(&self) -> TokenStream {
        match self {
            Self::Percent(percent) => quote!(::larder::Jitter::Percent(#percent)),
            Self::UpTo(length) => {
                let length = length.expand();
                quote!(::larder::Jitter::UpTo(#length))
            }
        }
    }
}
