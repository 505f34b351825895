//! `self` under another name.

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprPath, Item, Macro};

/// Gives `self` another name, as a parameter cannot be shadowed that has none.
pub(crate) struct ReplaceSelf(pub(crate) Ident);

impl ReplaceSelf {
    fn named(&self, span: Span) -> Ident {
        let mut ident = self.0.clone();
        ident.set_span(self.0.span().located_at(span));
        ident
    }

    /// The same in tokens.
    pub(crate) fn in_tokens(&self, tokens: TokenStream) -> TokenStream {
        let mut replaced = TokenStream::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if matches!(&token, TokenTree::Ident(word) if word == "fn") && is_method(tokens.clone())
            {
                // It has a `self` of its own, up to the end of its body.
                replaced.extend([token]);
                for token in tokens.by_ref() {
                    let is_end = is_end(&token);
                    replaced.extend([token]);
                    if is_end {
                        break;
                    }
                }
                continue;
            }
            replaced.extend([match token {
                TokenTree::Group(group) => {
                    let mut inside =
                        Group::new(group.delimiter(), self.in_tokens(group.stream()));
                    inside.set_span(group.span());
                    TokenTree::Group(inside)
                }
                TokenTree::Ident(ident)
                    if ident == "self"
                        && !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':') =>
                {
                    TokenTree::Ident(self.named(ident.span()))
                }
                other => other,
            }]);
        }
        replaced
    }
}

impl VisitMut for ReplaceSelf {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Path(ExprPath {
            qself: None, path, ..
        }) = expr
            && let Some(ident) = path.get_ident()
            && ident == "self"
        {
            let named = self.named(ident.span());
            *expr = syn::parse_quote!(#named);
            return;
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_macro_mut(&mut self, called: &mut Macro) {
        if let Some(literal) = format_with_self(called) {
            let message = "the attribute cannot reach `{self}` inside a text: write `{}`, and `self` as an argument";
            called.path = syn::parse_quote_spanned!(literal.span()=> ::core::compile_error);
            called.tokens = quote_spanned!(literal.span()=> #message);
            return;
        }
        called.tokens = self.in_tokens(std::mem::take(&mut called.tokens));
    }

    fn visit_item_mut(&mut self, _: &mut Item) {
        // Items inside the body have a `self` of their own.
    }
}

/// Whether what follows `fn` is a method: a name, and `self` among the parameters.
fn is_method(mut after: impl Iterator<Item = TokenTree>) -> bool {
    if !matches!(after.next(), Some(TokenTree::Ident(_))) {
        return false;
    }
    for token in after {
        match &token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                let mut parameters = group.stream().into_iter();
                if parameters.any(|word| matches!(word, TokenTree::Ident(word) if word == "self")) {
                    return true;
                }
            }
            token if is_end(token) => return false,
            _ => {}
        }
    }
    false
}

/// Whether a function ends here: its body, or the `;` in its place.
fn is_end(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

/// The text of a call like `format!("{self}")`, in which no name can be replaced.
fn format_with_self(called: &Macro) -> Option<Literal> {
    const FORMATTING: [&str; 16] = [
        "format",
        "format_args",
        "print",
        "println",
        "eprint",
        "eprintln",
        "write",
        "writeln",
        "panic",
        "assert",
        "assert_eq",
        "assert_ne",
        "todo",
        "unimplemented",
        "unreachable",
        "debug_assert",
    ];
    let name = &called.path.segments.last()?.ident;
    if !FORMATTING.iter().any(|known| name == known) {
        return None;
    }
    called
        .tokens
        .clone()
        .into_iter()
        .find_map(|token| match token {
            TokenTree::Literal(literal) => {
                // Doubled braces stand for themselves.
                let text = literal.to_string().replace("{{", "");
                (text.contains("{self}") || text.contains("{self:")).then_some(literal)
            }
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::Block;

    use super::*;

    #[test]
    fn self_is_replaced_but_not_in_paths_and_items() {
        let mut block: Block = syn::parse_quote!({
            fn inside(&self) -> u8 {
                self.0
            }
            let a = self.load(self.id);
            log!(self, "x", self::b, (self.c));
            items! { impl A { fn a<F: Fn(u8)>(&self, f: F) { self.0 } fn b() {} } self.e }
            self::d(a)
        });
        ReplaceSelf(Ident::new("this", Span::call_site())).visit_block_mut(&mut block);
        let expected: Block = syn::parse_quote!({
            fn inside(&self) -> u8 {
                self.0
            }
            let a = this.load(this.id);
            log!(this, "x", self::b, (this.c));
            items! { impl A { fn a<F: Fn(u8)>(&self, f: F) { self.0 } fn b() {} } this.e }
            self::d(a)
        });
        assert_eq!(quote!(#block).to_string(), quote!(#expected).to_string());
    }
}
