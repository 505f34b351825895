//! `tags = ..`: by what an entry is reached.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit};

use crate::errors::Errors;
use crate::key::is_argument;
use crate::mentions::{self, Names};
use crate::scope::{Into, Scope, local, mentioned};
use crate::template::Template;

/// One thing that gives tags.
pub(crate) enum Tag {
    Template(Template),
    /// Becomes a `larder::Tag`.
    One(Expr),
    /// Gives any number of tags.
    Many(Expr),
    /// A function of the arguments that gives any number of tags.
    Function(Expr),
}

impl Tag {
    /// `tags = ["user:{id}", users()]`, `tags = tags_of`, `tags = tags_of(id)`.
    pub(crate) fn list_from_expr(expr: Expr, errors: &mut Errors) -> Vec<Self> {
        match expr {
            Expr::Array(array) => {
                if array.elems.is_empty() {
                    errors.on(
                        &array,
                        "there are no tags in it: leave `tags` out, or name one",
                    );
                }
                array
                    .elems
                    .into_iter()
                    .filter_map(|tag| Self::from_expr(tag, errors))
                    .collect()
            }
            Expr::Lit(literal) => {
                errors.on(literal, "tags are a list, as in `tags = [\"user:{id}\"]`");
                Vec::new()
            }
            Expr::Path(path) => vec![Self::Function(Expr::Path(path))],
            other => vec![Self::Many(other)],
        }
    }

    /// A single tag.
    pub(crate) fn from_expr(expr: Expr, errors: &mut Errors) -> Option<Self> {
        match expr {
            Expr::Lit(ExprLit {
                lit: Lit::Str(literal),
                ..
            }) => {
                if literal.value().is_empty() {
                    errors.on(&literal, "a tag needs a name, as in `\"user:{id}\"`");
                    return None;
                }
                Some(Self::Template(Template::parse(&literal, errors)))
            }
            Expr::Lit(other) => {
                errors.on(
                    other,
                    "a tag is a template in a string literal, as in `\"user:{id}\"`",
                );
                None
            }
            other => Some(Self::One(other)),
        }
    }

    pub(crate) fn check(&self, scope: &Scope<'_>, errors: &mut Errors) {
        if let Self::Template(template) = self {
            scope.check(template, errors);
        }
    }

    /// The names that it uses. `all` are those that a function of the arguments gets.
    pub(crate) fn names(&self, all: &Names) -> Names {
        match self {
            Self::Template(template) => mentioned(template),
            Self::One(expr) | Self::Many(expr) => mentions::of_expr(expr),
            Self::Function(_) => all.clone(),
        }
    }

    // Input:  "user:{id}"
    // Output: tags.render(|out| { .. });
    /// A statement that adds it to the `larder::Tags` in the variable `tags`.
    fn expand(&self, scope: &Scope<'_>, all: &Names) -> TokenStream {
        let (tags, out) = (local("tags"), local("out"));
        match self {
            Self::Template(template) => {
                let statements = scope.render(template, Into::KeyOrTag, &out);
                quote!(#tags.render(|#out| { #statements });)
            }
            Self::One(expr) => {
                let push = quote_spanned!(expr.span()=> push);
                // An argument is lent: the body wants it too.
                let lend = is_argument(expr, scope).then(|| quote!(&));
                quote!(#tags.#push(#lend #expr);)
            }
            Self::Many(expr) => {
                let extend = quote_spanned!(expr.span()=> extend);
                quote!(#tags.#extend(#expr);)
            }
            Self::Function(function) => {
                let extend = quote_spanned!(function.span()=> extend);
                let args = scope.args_of(all).map(|arg| &arg.ident);
                quote!(#tags.#extend(#function(#(&#args),*));)
            }
        }
    }
}

// Input:  tags = ["user:{id}", "users"]
// Output: |tags: &mut ::larder::Tags| { tags.render(|out| { .. }); tags.render(|out| { .. }); }
/// A closure that writes all of `tags`, after what `first` writes.
pub(crate) fn writer<'t>(
    list: impl IntoIterator<Item = &'t Tag>,
    scope: &Scope<'_>,
    all: &Names,
    first: &TokenStream,
) -> TokenStream {
    let tags = local("tags");
    let mut statements = first.clone();
    let mut names = Names::new();
    for tag in list {
        names.extend(tag.names(all));
        statements.extend(tag.expand(scope, all));
    }
    if statements.is_empty() {
        return quote!(|_: &mut ::larder::Tags| {});
    }
    let look = scope.look(&names);
    quote!(|#tags: &mut ::larder::Tags| { #look #statements })
}
