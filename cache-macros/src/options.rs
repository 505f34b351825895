//! The syntax of an attribute's arguments: `name = value`, `name`, `name(..)`, and expressions.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Lit, LitStr, Token};

use crate::errors::{Errors, did_you_mean, listed, nearest};

/// An option as it is written: its name, and what is said of it.
pub(crate) struct Spanned {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What is said of an option.
pub(crate) enum Value {
    /// `lock`
    Nothing,
    /// `ttl = 300`
    Is(Expr),
    /// `skip(a, b)`
    Names(Vec<Ident>),
}

/// An option that a macro knows, with an example of its use.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
    /// Why this macro does not take it, where another one does.
    refused: Option<&'static str>,
}

/// Shorthand for the tables of known options.
pub(crate) const fn known(name: &'static str, example: &'static str) -> Known {
    Known {
        name,
        example,
        refused: None,
    }
}

/// An option of another macro, and why it is none here.
pub(crate) const fn refused(name: &'static str, why: &'static str) -> Known {
    Known {
        name,
        example: "",
        refused: Some(why),
    }
}

/// The arguments of one attribute or entry.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) positional: Vec<Expr>,
    given: Vec<Spanned>,
}

impl Options {
    /// Parses up to the end, or to a `;`. A mistake in one argument does not hide those after it.
    pub(crate) fn parse(input: ParseStream<'_>, known: &[Known], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        while !at_end(input) {
            if let Err(error) = options.parse_one(input, known, errors) {
                errors.push(error);
                skip_to_comma(input);
            }
            if at_end(input) {
                break;
            }
            if let Err(error) = input.parse::<Token![,]>() {
                errors.push(syn::Error::new(
                    error.span(),
                    "options are separated by `,`",
                ));
                skip_to_comma(input);
                let _ = input.parse::<Token![,]>();
            }
        }
        options
    }

    /// The same for an attribute's tokens.
    pub(crate) fn parse_attribute(
        tokens: proc_macro2::TokenStream,
        known: &[Known],
        errors: &mut Errors,
    ) -> Self {
        let parsed = (|input: ParseStream<'_>| {
            let options = Self::parse(input, known, errors);
            if let Ok(semicolon) = input.parse::<Token![;]>() {
                errors.on(semicolon, "options are separated by `,`");
                skip_all(input);
            }
            Ok(options)
        })
        .parse2(tokens);
        parsed.unwrap_or_default()
    }

    fn parse_one(
        &mut self,
        input: ParseStream<'_>,
        known: &[Known],
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let Some(shape) = Shape::ahead(input, known) else {
            self.positional.push(ungrouped(input.parse()?));
            return Ok(());
        };
        let key = input.call(Ident::parse_any)?;
        let value = match shape {
            Shape::Word => Value::Nothing,
            Shape::Assigned => {
                let equals = input.parse::<Token![=]>()?;
                if at_end(input) || input.peek(Token![,]) {
                    let message = missing_value(&key.to_string(), known);
                    return Err(syn::Error::new_spanned(equals, message));
                }
                Value::Is(ungrouped(input.parse()?))
            }
            Shape::Called => {
                let content;
                syn::parenthesized!(content in input);
                let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(
                    &content,
                    Ident::parse_any,
                )
                .map_err(|error| {
                    syn::Error::new(error.span(), format!("`{key}` takes names of arguments"))
                })?;
                Value::Names(names.into_iter().collect())
            }
        };
        self.keep(Spanned { key, value }, known, errors);
        Ok(())
    }

    fn keep(&mut self, option: Spanned, known: &[Known], errors: &mut Errors) {
        let name = option.key.to_string();
        let why = known
            .iter()
            .find(|known| known.name == name)
            .and_then(|known| known.refused);
        let taken = known.iter().filter(|known| known.refused.is_none());
        let names = taken.map(|known| known.name);
        if let Some(why) = why {
            errors.on(&option.key, why);
        } else if !names.clone().any(|known| known == name) {
            let mut hint = did_you_mean(&name, names.clone());
            if hint.is_empty() {
                hint = format!("; there are {}", listed(names).replace(" or ", " and "));
            }
            errors.on(&option.key, format!("unknown option `{name}`{hint}"));
        } else if self.given.iter().any(|given| given.key == option.key) {
            errors.on(
                &option.key,
                format!("`{name}` is given twice: leave one out"),
            );
        } else {
            self.given.push(option);
        }
    }

    /// The word `name` where the option is given.
    pub(crate) fn key(&self, name: &str) -> Option<&Ident> {
        self.given
            .iter()
            .map(|given| &given.key)
            .find(|key| *key == name)
    }

    /// Takes out the option called `name`.
    pub(crate) fn take(&mut self, name: &str) -> Option<Spanned> {
        let at = self.given.iter().position(|given| given.key == name)?;
        Some(self.given.remove(at))
    }

    /// The expression that option `name` is set to.
    pub(crate) fn expr(
        &mut self,
        name: &str,
        known: &[Known],
        errors: &mut Errors,
    ) -> Option<Expr> {
        let option = self.take(name)?;
        match option.value {
            Value::Is(value) => Some(value),
            Value::Nothing | Value::Names(_) => {
                errors.on(&option.key, missing_value(name, known));
                None
            }
        }
    }

    /// The text that option `name` is set to.
    pub(crate) fn string(
        &mut self,
        name: &str,
        known: &[Known],
        errors: &mut Errors,
    ) -> Option<LitStr> {
        match self.expr(name, known, errors)? {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text),
            other => {
                let example = example(name, known);
                errors.on(
                    other,
                    format!("`{name}` takes a string literal, as in `{example}`"),
                );
                None
            }
        }
    }

    /// The names that `skip(..)` lists.
    pub(crate) fn skipped(&mut self, errors: &mut Errors) -> Vec<Ident> {
        let Some(option) = self.take("skip") else {
            return Vec::new();
        };
        match option.value {
            Value::Names(names) if !names.is_empty() => names,
            _ => {
                errors.on(
                    &option.key,
                    "`skip` names the arguments that are not part of the key, as in `skip(db)`",
                );
                Vec::new()
            }
        }
    }

    /// Whether the flag `name` is set: `lock`, `lock = true`, `lock = false`.
    pub(crate) fn flag(&mut self, name: &str, errors: &mut Errors) -> Option<bool> {
        let option = self.take(name)?;
        match &option.value {
            Value::Nothing => Some(true),
            Value::Is(Expr::Lit(ExprLit {
                lit: Lit::Bool(value),
                ..
            })) => Some(value.value),
            Value::Is(other) => {
                errors.on(other, format!("`{name}` is `true` or `false`"));
                None
            }
            Value::Names(_) => {
                errors.on(
                    &option.key,
                    format!("`{name}` takes no arguments: write `{name}`"),
                );
                None
            }
        }
    }
}

/// How an option goes on after its name.
enum Shape {
    Word,
    Assigned,
    Called,
}

impl Shape {
    /// `None` when what comes is an expression and no option.
    fn ahead(input: ParseStream<'_>, known: &[Known]) -> Option<Self> {
        let ahead = input.fork();
        let name = ahead.call(Ident::parse_any).ok()?;
        if ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
            return Some(Self::Assigned);
        }
        if at_end(&ahead) || ahead.peek(Token![,]) {
            return Some(Self::Word);
        }
        // A call is an expression, unless it is meant for an option that is written like one.
        let called = known.iter().filter(|known| known.example.contains('('));
        let is_called = ahead.peek(syn::token::Paren)
            && nearest(&name.to_string(), called.map(|known| known.name)).is_some();
        is_called.then_some(Self::Called)
    }
}

fn example(name: &str, known: &[Known]) -> &'static str {
    known
        .iter()
        .find(|known| known.name == name)
        .map_or("", |known| known.example)
}

fn missing_value(name: &str, known: &[Known]) -> String {
    match example(name, known) {
        "" => format!("`{name}` needs a value"),
        example => format!("`{name}` needs a value, as in `{example}`"),
    }
}

fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![;])
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !at_end(input) && !input.peek(Token![,]) {
        if input.parse::<proc_macro2::TokenTree>().is_err() {
            return;
        }
    }
}

fn skip_all(input: ParseStream<'_>) {
    while input.parse::<proc_macro2::TokenTree>().is_ok() {}
}
// Input:  a fragment of `macro_rules!`, as in `tags = [$tag]` with `$tag:literal`
// Output: what is in it
/// Fragments arrive in invisible groups. What is in them is meant as if it were written there: a
/// template in one must not become literal text.
fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        Expr::Array(mut array) => {
            array.elems = array.elems.into_iter().map(ungrouped).collect();
            Expr::Array(array)
        }
        Expr::Tuple(mut tuple) => {
            tuple.elems = tuple.elems.into_iter().map(ungrouped).collect();
            Expr::Tuple(tuple)
        }
        other => other,
    }
}
