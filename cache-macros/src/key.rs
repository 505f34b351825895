//! `key = ..`: what an entry is called.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprTuple, Lit};

use crate::errors::Errors;
use crate::mentions::{self, Names};
use crate::scope::{Into, Scope, local, mentioned};
use crate::template::Template;

/// A key whose form is known.
pub(crate) enum Key {
    Template(Template),
    /// `("user", id, name)`: each a value of its own.
    Parts(ExprTuple),
    /// Anything that becomes a `larder::Key`.
    Expr(Expr),
}

impl Key {
    pub(crate) fn from_expr(expr: Expr, errors: &mut Errors) -> Option<Self> {
        match expr {
            Expr::Lit(ExprLit {
                lit: Lit::Str(literal),
                ..
            }) => {
                if literal.value().is_empty() {
                    errors.on(
                        &literal,
                        "the key is empty: name the value, as in `\"user:{id}\"`",
                    );
                    return None;
                }
                Some(Self::Template(Template::parse(&literal, errors)))
            }
            Expr::Lit(other) => {
                errors.on(
                    other,
                    "a key is a template in a string literal, as in `\"user:{id}\"`",
                );
                None
            }
            Expr::Tuple(parts) => {
                if parts.elems.is_empty() {
                    errors.on(
                        parts,
                        "the key is empty: name its parts, as in `(\"user\", id)`",
                    );
                    return None;
                }
                Some(Self::Parts(parts))
            }
            other => Some(Self::Expr(other)),
        }
    }

    pub(crate) fn check(&self, scope: &Scope<'_>, errors: &mut Errors) {
        if let Self::Template(template) = self {
            scope.check(template, errors);
        }
    }

    pub(crate) fn names(&self) -> Names {
        match self {
            Self::Template(template) => mentioned(template),
            Self::Parts(parts) => parts.elems.iter().flat_map(mentions::of_expr).collect(),
            Self::Expr(expr) => mentions::of_expr(expr),
        }
    }

    // Input:  key = "user:{id}", namespace = "{org}"
    // Output: ::larder::Key::render_in(|out| { .. }, |out| { .. })
    /// An expression of type `larder::Key`.
    pub(crate) fn expand(&self, namespace: Option<&Template>, scope: &Scope<'_>) -> TokenStream {
        let out = local("out");
        let look = scope.look(&self.names());
        let statements = match self {
            Self::Template(template) => scope.render(template, Into::KeyOrTag, &out),
            Self::Parts(parts) => expand_parts(parts, &out),
            Self::Expr(expr) => {
                let key = convert(expr, scope);
                let Some(namespace) = namespace else {
                    return if look.is_empty() {
                        key
                    } else {
                        quote!({ #look #key })
                    };
                };
                return in_namespace(namespace, scope, &quote!({ #look #key }));
            }
        };
        let render = quote!(|#out| { #look #statements });
        match namespace {
            None => quote!(::larder::Key::render(#render)),
            Some(namespace) => {
                let name = namespace_writer(namespace, scope);
                quote!(::larder::Key::render_in(#name, #render))
            }
        }
    }
}

/// The key that `key` evaluates to, in a namespace.
pub(crate) fn in_namespace(
    namespace: &Template,
    scope: &Scope<'_>,
    key: &TokenStream,
) -> TokenStream {
    let (out, made) = (local("out"), local("made"));
    let name = namespace_writer(namespace, scope);
    quote! {{
        let #made = #key;
        ::larder::Key::render_in(#name, |#out| #out.text(#made.as_str()))
    }}
}

fn namespace_writer(namespace: &Template, scope: &Scope<'_>) -> TokenStream {
    let out = local("out");
    let look = scope.look(&mentioned(namespace));
    let statements = scope.render(namespace, Into::Namespace, &out);
    quote!(|#out| { #look #statements })
}

/// Calls `From`, and lends a bare argument, which the body wants too.
fn convert(expr: &Expr, scope: &Scope<'_>) -> TokenStream {
    let from = quote_spanned!(expr.span()=> ::larder::Key::from);
    if is_argument(expr, scope) {
        quote!(#from(&#expr))
    } else {
        quote!(#from(#expr))
    }
}

/// Whether the expression is an argument and nothing else.
pub(crate) fn is_argument(expr: &Expr, scope: &Scope<'_>) -> bool {
    matches!(expr, Expr::Path(path)
        if path.path.get_ident().is_some_and(|name| scope.find(&name.to_string()).is_some()))
}

// Input:  ("user", id)
// Output: { let part = &"user"; out.value(::larder::__private::part!(*part)); }
//         out.separator();
//         { let part = &id; out.value(::larder::__private::part!(*part)); }
fn expand_parts(parts: &ExprTuple, out: &proc_macro2::Ident) -> TokenStream {
    let part = local("part");
    let mut statements = TokenStream::new();
    for (at, expr) in parts.elems.iter().enumerate() {
        if at > 0 {
            statements.extend(quote!(#out.separator();));
        }
        let blamed = proc_macro2::Span::mixed_site().located_at(expr.span());
        // Through a variable, so that what the expression makes lives long enough.
        statements.extend(quote_spanned! {blamed=> {
            #[allow(unused_parens)]
            let #part = &(#expr);
            #out.value(::larder::__private::part!(*#part));
        }});
    }
    statements
}
