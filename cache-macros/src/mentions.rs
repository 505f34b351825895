//! Which arguments an expression mentions.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprPath, Item, Macro, Path, Signature};

/// Names, without `r#`.
pub(crate) type Names = BTreeSet<String>;

/// The names that stand by themselves in `expr`: not fields, methods or segments of paths.
pub(crate) fn of_expr(expr: &Expr) -> Names {
    let mut mentions = Mentions(Names::new());
    mentions.visit_expr(expr);
    mentions.0
}

/// Whether a function mentions `Self`, which only those in an `impl` or `trait` can. Items within its
/// body may have one of their own.
pub(crate) fn self_type(sig: &Signature, block: &Block) -> bool {
    struct SelfType(bool);
    impl<'ast> Visit<'ast> for SelfType {
        fn visit_path(&mut self, path: &'ast Path) {
            self.0 |= path
                .segments
                .first()
                .is_some_and(|first| first.ident == "Self");
            visit::visit_path(self, path);
        }

        fn visit_macro(&mut self, called: &'ast Macro) {
            self.0 |= has_self_type(called.tokens.clone());
        }

        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut mentions = SelfType(false);
    mentions.visit_signature(sig);
    mentions.visit_block(block);
    mentions.0
}

/// Whether `Self` is anywhere in it.
pub(crate) fn has_self_type(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => has_self_type(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
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
        let name = called
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        let is_format = name.is_some_and(|name| FORMATS.contains(&name.as_str()));
        in_macro(called.tokens.clone(), is_format, &mut self.0);
    }
}

/// Macros whose first literal interpolates names.
const FORMATS: &[&str] = &["format", "format_args"];

/// In a macro's input any name may be an argument, and so may what a format string interpolates. A
/// name in any other text is only text.
fn in_macro(tokens: TokenStream, is_format: bool, names: &mut Names) {
    let mut last = [String::new(), String::new()];
    for (at, token) in tokens.into_iter().enumerate() {
        let text = token.to_string();
        match token {
            TokenTree::Ident(ident) => {
                names.insert(ident.unraw().to_string());
            }
            TokenTree::Group(group) => {
                let is_format = last[1] == "!" && FORMATS.contains(&last[0].as_str());
                in_macro(group.stream(), is_format, names);
            }
            TokenTree::Literal(literal) if is_format && at == 0 => {
                if let Ok(text) = syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into()) {
                    names.extend(interpolated(&text.value().replace("{{", "")));
                }
            }
            TokenTree::Literal(_) | TokenTree::Punct(_) => {}
        }
        last = [std::mem::take(&mut last[1]), text];
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
        assert_eq!(mentions("Key::new(format!(\"{id}\"))"), ["id"]);
        assert_eq!(
            mentions("concat!(\"a\", format!(\"{id}\"))"),
            ["format", "id"]
        );
    }

    #[test]
    fn other_text_is_only_text() {
        assert_eq!(mentions("concat!(\"a:\", \"{id}\")"), Vec::<String>::new());
        assert_eq!(mentions("format!(\"{{id}}\")"), Vec::<String>::new());
        assert_eq!(mentions("format!(\"{}\", \"{id}\")"), Vec::<String>::new());
    }
}
