//! `layer = "l1"` and `layers = ["l1", "l3"]`: which layers of its cache a function uses.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, Lit, LitStr};

use crate::errors::{Errors, nearest};
use crate::form::Form;
use crate::options::{Known, Options};

/// Every layer there can be.
const NAMES: [&str; 4] = ["l1", "l2", "l3", "l4"];

/// Which layers of its cache a function uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layers {
    All,
    /// Process memory alone.
    L1,
    /// These, in the order of [`NAMES`]; one at least is not process memory.
    Only([bool; NAMES.len()]),
}

/// What an attribute says of layers.
pub(crate) struct Said {
    layers: Layers,
    /// Where it is said.
    at: Expr,
}

impl Said {
    /// Takes both options. What is wrong counts as not said.
    pub(crate) fn take(
        options: &mut Options,
        known: &[Known],
        errors: &mut Errors,
    ) -> Option<Self> {
        let twin = options.key("layers").cloned();
        let one = options.expr("layer", known, errors);
        let several = options.expr("layers", known, errors);
        match (one, several) {
            (Some(_), Some(_)) => {
                errors.on(twin, "`layer` and `layers` say the same: leave one out");
                None
            }
            (Some(at), None) => {
                let name = Self::one(&at, errors)?;
                let layers = Layers::of([name]);
                Some(Self { layers, at })
            }
            (None, Some(at)) => {
                let layers = Layers::of(Self::several(&at, errors)?);
                Some(Self { layers, at })
            }
            (None, None) => None,
        }
    }

    fn one(said: &Expr, errors: &mut Errors) -> Option<usize> {
        match said {
            Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            }) => position(name, errors),
            Expr::Array(list) => {
                errors.on(
                    list,
                    "`layer` takes the name of one: several are `layers = [..]`",
                );
                None
            }
            other => {
                errors.on(
                    other,
                    "`layer` takes a string literal, as in `layer = \"l1\"`",
                );
                None
            }
        }
    }

    fn several(said: &Expr, errors: &mut Errors) -> Option<Vec<usize>> {
        let Expr::Array(list) = said else {
            errors.on(
                said,
                "`layers` takes a list, as in `layers = [\"l1\", \"l3\"]`",
            );
            return None;
        };
        if list.elems.is_empty() {
            errors.on(
                list,
                "there are no layers in it: leave `layers` out for all of the cache's, or name one",
            );
            return None;
        }
        let before = errors.count();
        let mut named = Vec::new();
        for element in &list.elems {
            let Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            }) = element
            else {
                errors.on(element, "a layer is a string literal, as in `\"l1\"`");
                continue;
            };
            match position(name, errors) {
                Some(at) if named.contains(&at) => {
                    let message = format!("`{}` is in it twice: leave one out", name.value());
                    errors.on(element, message);
                }
                Some(at) => named.push(at),
                None => {}
            }
        }
        (errors.count() == before).then_some(named)
    }
}

impl Layers {
    fn of(named: impl IntoIterator<Item = usize>) -> Self {
        let mut only = [false; NAMES.len()];
        for at in named {
            only[at] = true;
        }
        match only {
            [true, false, false, false] => Self::L1,
            only => Self::Only(only),
        }
    }

    /// What was said, as far as a function of this form can have it.
    pub(crate) fn decide(said: Option<Said>, form: &Form, errors: &mut Errors) -> Self {
        let is_plain = matches!(form, Form::Plain);
        match said {
            // Other layers are asked by futures.
            Some(Said { layers, at }) if is_plain && layers != Self::L1 => {
                errors.on(
                    at,
                    "a plain `fn` keeps its values in `l1`, process memory: leave this out, or make the function `async`",
                );
                Self::L1
            }
            Some(said) => said.layers,
            None if is_plain => Self::L1,
            None => Self::All,
        }
    }

    // Output: .layers(::larder::Layers::L1)
    /// The change of a spec, or of a site, that says so.
    pub(crate) fn expand(self) -> Option<TokenStream> {
        (self != Self::All).then(|| quote!(.layers(#self)))
    }
}

// Output: ::larder::Layers::Only(::larder::LayerSet::of(&[::larder::LayerName::L3]))
impl ToTokens for Layers {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::All => quote!(::larder::Layers::All),
            Self::L1 => quote!(::larder::Layers::L1),
            Self::Only(only) => {
                let named = NAMES.iter().zip(only).filter(|(_, is_in)| **is_in);
                let names = named.map(|(name, _)| format_ident!("{}", name.to_ascii_uppercase()));
                quote!(::larder::Layers::Only(
                    ::larder::LayerSet::of(&[#(::larder::LayerName::#names),*])
                ))
            }
        });
    }
}

/// Which one it is.
fn position(name: &LitStr, errors: &mut Errors) -> Option<usize> {
    let text = name.value();
    let at = NAMES.iter().position(|known| *known == text);
    if at.is_none() {
        // `l5` is as near to any of them as to another.
        let lower = text.to_ascii_lowercase();
        let hint = nearest(&lower, NAMES).filter(|near| *near == lower || lower.contains(near));
        let hint = match hint {
            Some(near) => format!("; did you mean `{near}`?"),
            None => ": the layers are called `l1`, `l2`, `l3` and `l4`".to_owned(),
        };
        errors.on(name, format!("there is no layer `{text}`{hint}"));
    }
    at
}
