//! `self` under another name.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
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
        called.tokens = self.in_tokens(std::mem::take(&mut called.tokens));
    }

    fn visit_item_mut(&mut self, _: &mut Item) {
        // Items inside the body have a `self` of their own.
    }
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
            self::d(a)
        });
        ReplaceSelf(Ident::new("this", Span::call_site())).visit_block_mut(&mut block);
        let expected: Block = syn::parse_quote!({
            fn inside(&self) -> u8 {
                self.0
            }
            let a = this.load(this.id);
            log!(this, "x", self::b, (this.c));
            self::d(a)
        });
        assert_eq!(quote!(#block).to_string(), quote!(#expected).to_string());
    }
}
