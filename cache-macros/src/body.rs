//! The user's body, as a future of the declared type; a plain function's, as it is.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{Block, Lifetime, ReturnType};

use crate::form::Form;
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
    let body = match &function.form {
        // The closure that this is the body of says its type.
        Form::Plain => return quote!(#first #(#unpack)* #block),
        Form::Async => quote!(#(#unpack)* #block),
        // Input:  fn load(&self, id: u64) -> impl Future<Output = User> { self.db.load(id) }
        // Output: ::larder::__private::future_of::<User, _>(move || { self.db.load(id) }).await
        // A closure, so that a `return` in it still returns the future.
        Form::Future | Form::Boxed { .. } => {
            let declared = boxed(function);
            let closure = quote!(move || #declared { #(#unpack)* #block });
            // On the user's word as a whole, so that another type is one mistake.
            quote_spanned! {ty.span().resolved_at(Span::mixed_site())=>
                ::larder::__private::future_of::<#ty, _>(#closure).await
            }
        }
    };
    quote!(async move { #typed #first #body })
}

// Input:  fn load<'a>(..) -> Pin<Box<dyn Future<Output = User> + Send + 'a>>
// Output: -> Pin<Box<dyn Future<Output = User> + Send + '_>>
/// What a body that boxes its future is declared to return, to be written on a closure. What the body
/// is lent may live shorter than what the function was, so its lifetimes are left open.
fn boxed(function: &Function) -> Option<ReturnType> {
    struct Open;
    impl VisitMut for Open {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                lifetime.ident = Ident::new("_", lifetime.ident.span());
            }
        }
    }
    let Form::Boxed { .. } = function.form else {
        return None;
    };
    let mut declared = function.sig.output.clone();
    Open.visit_return_type_mut(&mut declared);
    Some(declared)
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
    // The attribute uses the argument, even where the body does not.
    quote!(#[allow(unused_variables)] let #ident = #again;)
}
