//! How a function gives its value: at an `.await`, by a future that it returns, or at once.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Block, Expr, GenericArgument, PathArguments, ReturnType, Signature, Stmt, Type, TypeParamBound,
};

/// The form of a function.
pub(crate) enum Form {
    /// `fn`, which gives its value at once.
    Plain,
    /// `async fn`
    Async,
    /// `fn .. -> impl Future<Output = T>`
    Future,
    /// `fn .. -> Pin<Box<dyn Future<Output = T>>>`, as `#[async_trait]` writes it.
    Boxed {
        /// The function that boxes the future. The user's own where it can be seen, because other
        /// attributes know an asynchronous body by it.
        pin: TokenStream,
    },
}

impl Form {
    /// The form, and the type of the value.
    pub(crate) fn of(sig: &Signature, block: &Block) -> (Self, Type) {
        let declared = match &sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        if sig.asyncness.is_some() {
            return (Self::Async, declared);
        }
        Self::of_future(&declared, block).unwrap_or((Self::Plain, declared))
    }

    /// The form of a function that returns a future, and the type of what it yields.
    fn of_future(declared: &Type, block: &Block) -> Option<(Self, Type)> {
        match declared {
            Type::ImplTrait(opaque) => Some((Self::Future, output_of(&opaque.bounds)?)),
            Type::Path(boxed) => {
                let last = boxed.path.segments.last()?;
                let value = match last.ident.to_string().as_str() {
                    "Pin" => output_of_box(first_type(&last.arguments)?)?,
                    // What futures calls the same.
                    "BoxFuture" | "LocalBoxFuture" => first_type(&last.arguments)?.clone(),
                    _ => return None,
                };
                let pin = pin_of(block).unwrap_or_else(|| quote!(::std::boxed::Box::pin));
                Some((Self::Boxed { pin }, value))
            }
            _ => None,
        }
    }

    // Input:  BODY
    // Output: BODY   async move { BODY }   Box::pin(async move { BODY })
    /// The block of a function of this form that runs `body`, which may await unless it is plain.
    pub(crate) fn wrap(&self, body: &TokenStream) -> TokenStream {
        match self {
            Self::Plain | Self::Async => body.clone(),
            Self::Future => quote!(async move { #body }),
            Self::Boxed { pin } => quote!(#pin(async move { #body })),
        }
    }
}

/// `T` in `impl Future<Output = T> + Send`.
fn output_of<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.into_iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last()?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output)
                if last.ident == "Future" && output.ident == "Output" =>
            {
                Some(output.ty.clone())
            }
            _ => None,
        })
    })
}

/// `T` in `Box<dyn Future<Output = T> + Send + 'a>`.
fn output_of_box(boxed: &Type) -> Option<Type> {
    let Type::Path(path) = boxed else { return None };
    let last = path.path.segments.last()?;
    match first_type(&last.arguments)? {
        Type::TraitObject(object) if last.ident == "Box" => output_of(&object.bounds),
        _ => None,
    }
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `Box::pin` in a block that ends with `Box::pin(..)`.
fn pin_of(block: &Block) -> Option<TokenStream> {
    let Some(Stmt::Expr(Expr::Call(call), None)) = block.stmts.last() else {
        return None;
    };
    match &*call.func {
        Expr::Path(path) if path.path.segments.last()?.ident == "pin" => {
            Some(path.to_token_stream())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(function: &str) -> String {
        let function: syn::ItemFn = syn::parse_str(function).unwrap();
        let (form, value) = Form::of(&function.sig, &function.block);
        if let Form::Plain = form {
            return "plain".to_owned();
        }
        let text = format!("{} {}", value.to_token_stream(), form.wrap(&quote!(0)));
        text.replace(' ', "")
    }

    #[test]
    fn what_can_be_awaited_is_recognized() {
        let is = |function, expected: &str| assert_eq!(form(function), expected);
        is("async fn f() -> T {}", "T0");
        is("async fn f() {}", "()0");
        is(
            "fn f() -> impl Future<Output = T> + Send {}",
            "Tasyncmove{0}",
        );
        is(
            "fn f() -> impl Send + std::future::Future<Output = T> {}",
            "Tasyncmove{0}",
        );
        is(
            "fn f<'a>() -> Pin<Box<dyn Future<Output = T> + Send + 'a>> { Box::pin(async {}) }",
            "TBox::pin(asyncmove{0})",
        );
        is(
            "fn f() -> BoxFuture<'a, T> {}",
            "T::std::boxed::Box::pin(asyncmove{0})",
        );
    }

    #[test]
    fn what_gives_its_value_at_once_is_not() {
        for function in [
            "fn f() {}",
            "fn f() -> T {}",
            "fn f() -> Pin<Box<T>> {}",
            "fn f() -> Box<dyn Future<Output = T>> {}",
            "fn f() -> impl Iterator<Item = T> {}",
            "fn f() -> impl Future {}",
        ] {
            assert_eq!(form(function), "plain", "{function}");
        }
    }
}
