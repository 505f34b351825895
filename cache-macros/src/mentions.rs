//! Which arguments an expression mentions.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprPath, Macro};

/// Names, without `r#`.
pub(crate) type Names = BTreeSet<String>;

/// The names that stand by themselves in `expr`: not fields, methods or segments of paths.
pub(crate) fn of_expr(expr: &Expr) -> Names {
    let mut mentions = Mentions(Names::new());
    mentions.visit_expr(expr);
    mentions.0
}

struct Mentions(Names);

impl<'ast> Visit<'ast> for Mentions {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if let Some(ident) = path.path.get_ident() {
            self.0.insert(ident.unraw().to_string());
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        in_macro(called.tokens.clone(), &mut self.0);
    }
}

/// In a macro's input any name may be an argument, and so may what a format string interpolates.
fn in_macro(tokens: TokenStream, names: &mut Names) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                names.insert(ident.unraw().to_string());
            }
            TokenTree::Group(group) => in_macro(group.stream(), names),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into()) {
                    names.extend(interpolated(&text.value()));
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// The names in a format string's placeholders.
fn interpolated(format: &str) -> impl Iterator<Item = String> + '_ {
    format.split('{').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
        (end > 0).then(|| rest[..end].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(expr: &str) -> Vec<String> {
        of_expr(&syn::parse_str(expr).unwrap())
            .into_iter()
            .collect()
    }

    #[test]
    fn fields_methods_and_paths_are_not_mentions() {
        assert_eq!(mentions("f(id, name.len(), x.y)"), ["f", "id", "name", "x"]);
        assert_eq!(mentions("a::id(b)"), ["b"]);
        assert_eq!(mentions("Key::new(\"user:{id}\")"), Vec::<String>::new());
    }

    #[test]
    fn format_strings_are_read() {
        assert_eq!(
            mentions("format!(\"{id}:{n:?}\", n = user.name)"),
            ["id", "n", "name", "user"]
        );
    }
}
