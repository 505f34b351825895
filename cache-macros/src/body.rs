//! The user's body, as a future of the declared type.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Block;
use syn::spanned::Spanned as _;

use crate::function::{Arg, Function};
use crate::scope::local;

// Input:  { let user = load(id).await?; Ok(user) }
// Output: async move {
//             if false { let returned: Result<User, DbError> = loop {}; return returned; }
//             { let user = load(id).await?; Ok(user) }
//         }
/// The return that never runs gives `?` and `return` in the body their type.
pub(crate) fn future(function: &Function) -> TokenStream {
    future_of(function, &TokenStream::new(), &function.block)
}

/// The same for another block, and with statements that come first.
pub(crate) fn future_of(function: &Function, first: &TokenStream, block: &Block) -> TokenStream {
    let (ty, block) = (&function.returned, braced(block));
    let mut returned = local("returned");
    // So that a type error in the body points at the type it contradicts.
    returned.set_span(returned.span().located_at(ty.span()));
    let unpack = function.args.iter().map(Arg::unpack);
    let typed = quote_spanned! {ty.span().resolved_at(Span::mixed_site())=>
        #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::empty_loop,
                clippy::let_unit_value)]
        if false {
            let #returned: #ty = loop {};
            return #returned;
        }
    };
    quote!(async move { #typed #first #(#unpack)* #block })
}

/// The block as it is written, but not taken for one that needs no braces.
fn braced(block: &Block) -> Group {
    let statements = &block.stmts;
    let mut braced = Group::new(Delimiter::Brace, quote!(#(#statements)*));
    let span = block.brace_token.span.join();
    braced.set_span(Span::mixed_site().located_at(span));
    braced
}

// Input:  name: String
// Output: let name = ::larder::__private::again(&name);
/// The body's own copy of an argument that is needed outside it too.
pub(crate) fn copy(arg: &Arg) -> TokenStream {
    let ident = &arg.ident;
    let blamed = Span::mixed_site().located_at(arg.ty.span());
    let again = quote_spanned!(blamed=> ::larder::__private::again(&#ident));
    quote!(let #ident = #again;)
}
