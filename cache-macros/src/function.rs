//! The annotated function: its arguments under names that a template can use.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AttrStyle, Attribute, Block, FnArg, ItemFn, Pat, PatIdent, Receiver, ReceiverKind, ReturnType,
    Safety, Signature, Type, Visibility,
};

use crate::errors::{Errors, did_you_mean};

/// An `async fn`, free or a method.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) block: Box<Block>,
    pub(crate) args: Vec<Arg>,
    pub(crate) returned: Type,
}

/// One argument other than `self`.
pub(crate) struct Arg {
    attrs: Vec<Attribute>,
    /// What it is called in the signature that is emitted.
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    binding: Binding,
    /// The names that the body sees.
    pub(crate) names: Vec<Ident>,
}

/// How the body gets the argument.
enum Binding {
    /// Under its own name.
    Plain,
    /// Under its own name, to change.
    Mutable,
    /// Taken apart. `by_reference` is the same pattern for a look at the argument from outside the
    /// body, where there is one.
    Pattern {
        pat: Box<Pat>,
        by_reference: Option<Box<Pat>>,
    },
}

impl Function {
    /// Reads the annotated item. `attribute` is how the macro is called in messages.
    pub(crate) fn parse(item: TokenStream, attribute: &str, errors: &mut Errors) -> Option<Self> {
        let ItemFn {
            attrs,
            vis,
            sig,
            block,
            modifiers,
            ..
        } = match syn::parse2(item.clone()) {
            Ok(function) => function,
            Err(error) => {
                not_a_function(item, error, attribute, errors);
                return None;
            }
        };
        // `#![allow(..)]` inside the body says the same from outside.
        let outer = |attr| Attribute {
            style: AttrStyle::Outer,
            ..attr
        };
        let attrs = attrs.into_iter().map(outer).collect();
        check_signature(&sig, attribute, errors);
        if let Some(default) = modifiers.defaultness {
            errors.on(
                default,
                format!("`#[{attribute}]` does not work on `default` functions"),
            );
        }
        let args = sig
            .inputs
            .iter()
            .enumerate()
            .filter_map(|(at, input)| match input {
                FnArg::Typed(arg) => Some(Arg::new(at, arg)),
                FnArg::Receiver(_) => None,
            });
        let args = args.collect();
        let returned = match &sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Some(Self {
            attrs,
            vis,
            sig,
            block,
            args,
            returned,
        })
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// Whether `self` is `&self`, which can be looked at while the body has it too.
    pub(crate) fn has_shared_self(&self) -> bool {
        match self.receiver() {
            Some(Receiver {
                kind: ReceiverKind::Reference(_, _, mutability),
                ..
            }) => mutability.is_none(),
            Some(Receiver {
                kind: ReceiverKind::Typed(_, ty),
                ..
            }) => is_copy(ty),
            _ => false,
        }
    }

    /// Whether the return type is written as some `Result`.
    pub(crate) fn returned_may_fail(&self) -> bool {
        matches!(&self.returned, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result")))
    }

    /// The name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }

    /// The names that templates and `skip` can use, without `self`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.args.iter().flat_map(|arg| &arg.names)
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names().any(|known| known.unraw() == name)
    }

    /// `; did you mean `user_id`?`, among the arguments.
    pub(crate) fn suggestion(&self, name: &str) -> String {
        let names: Vec<String> = self
            .names()
            .map(|known| known.unraw().to_string())
            .collect();
        did_you_mean(name, names.iter().map(String::as_str))
    }

    /// The whole signature, with plain names instead of patterns: the body takes them apart.
    pub(crate) fn signature(&self) -> Signature {
        let mut sig = self.sig.clone();
        let mut args = self.args.iter();
        for input in &mut sig.inputs {
            match input {
                FnArg::Typed(typed) => {
                    if let Some(arg) = args.next() {
                        *typed.pat = arg.plain_pat();
                    }
                }
                // Also `mut self`: the body's future takes it as it is.
                FnArg::Receiver(_) => {}
            }
        }
        sig
    }

    /// The attributes for a function that the body has moved out of.
    pub(crate) fn attrs_without_body(&self) -> impl Iterator<Item = TokenStream> {
        self.attrs
            .iter()
            .map(|attr| lenient(attr).unwrap_or_else(|| attr.to_token_stream()))
    }

    /// The attributes that steer lints, for the function that the body has moved to.
    pub(crate) fn lint_attrs(&self) -> impl Iterator<Item = TokenStream> {
        self.attrs.iter().filter_map(|attr| {
            let lints = ["allow", "warn", "deny", "forbid"];
            let is_lint = lints.iter().any(|name| attr.path().is_ident(name));
            lenient(attr).or_else(|| is_lint.then(|| attr.to_token_stream()))
        })
    }

    /// The attributes that decide whether the function exists.
    pub(crate) fn cfg_attrs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }
}

impl ToTokens for Function {
    /// The function as it was written.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            block,
            ..
        } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #block));
    }
}

impl Arg {
    pub(crate) fn new(at: usize, arg: &syn::PatType) -> Self {
        let (attrs, ty) = (arg.attrs.clone(), (*arg.ty).clone());
        if let Pat::Ident(PatIdent {
            by_ref: None,
            mutability,
            ident,
            subpat: None,
            ..
        }) = &*arg.pat
        {
            let binding = if mutability.is_some() {
                Binding::Mutable
            } else {
                Binding::Plain
            };
            return Self {
                attrs,
                ident: ident.clone(),
                ty,
                binding,
                names: vec![ident.clone()],
            };
        }
        let mut pattern = ByReference {
            names: Vec::new(),
            is_possible: true,
        };
        let mut by_reference = arg.pat.clone();
        pattern.visit_pat_mut(&mut by_reference);
        Self {
            attrs,
            ident: format_ident!("arg{at}", span = Span::mixed_site()),
            ty,
            binding: Binding::Pattern {
                pat: arg.pat.clone(),
                by_reference: pattern.is_possible.then_some(by_reference),
            },
            names: pattern.names,
        }
    }

    fn plain_pat(&self) -> Pat {
        let ident = &self.ident;
        syn::parse_quote!(#ident)
    }

    /// The argument in a signature.
    pub(crate) fn typed(&self) -> TokenStream {
        let Self {
            attrs, ident, ty, ..
        } = self;
        quote!(#(#attrs)* #ident: #ty)
    }

    /// Whether it can be copied, as far as its type is written out.
    pub(crate) fn is_copy(&self) -> bool {
        is_copy(&self.ty)
    }

    /// Whether the names in its pattern can be seen from outside the body.
    pub(crate) fn can_be_looked_into(&self) -> bool {
        !matches!(
            self.binding,
            Binding::Pattern {
                by_reference: None,
                ..
            }
        )
    }

    // Input:  Path(id): Path<u64>
    // Output: let Path(id) = &arg0;
    /// Makes the names of the pattern visible outside the body.
    pub(crate) fn look(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.binding {
            Binding::Pattern {
                by_reference: Some(pat),
                ..
            } => quote! {
                #[allow(unused_variables)]
                let #pat = &#ident;
            },
            _ => TokenStream::new(),
        }
    }

    // Input:  Path(id): Path<u64>
    // Output: let Path(id) = arg0;
    /// Gives other code than the body the names of the pattern, as the body gets them.
    pub(crate) fn take_apart(&self) -> TokenStream {
        match &self.binding {
            Binding::Plain | Binding::Mutable => TokenStream::new(),
            Binding::Pattern { .. } => {
                let unpack = self.unpack();
                quote!(#[allow(unused_variables, unused_mut)] #unpack)
            }
        }
    }

    // Input:  mut name: String
    // Output: let mut name = name;
    /// Gives the body the argument as its signature said.
    pub(crate) fn unpack(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.binding {
            Binding::Plain => TokenStream::new(),
            Binding::Mutable => quote!(let mut #ident = #ident;),
            Binding::Pattern { pat, .. } => quote!(let #pat = #ident;),
        }
    }
}

// Input:  #[expect(unused_variables)]
// Output: #[allow(unused_variables)]
/// What is expected of a function need not be true of each of its parts.
fn lenient(attr: &Attribute) -> Option<TokenStream> {
    let lints = &attr
        .path()
        .is_ident("expect")
        .then(|| attr.meta.require_list())?
        .ok()?
        .tokens;
    Some(quote!(#[allow(#lints)]))
}

/// Whether a type is `Copy`, as far as its text shows: shared references, numbers, `bool`, `char`.
fn is_copy(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference.mutability.is_none(),
        Type::Paren(inside) => is_copy(&inside.elem),
        Type::Group(inside) => is_copy(&inside.elem),
        Type::Path(path) => path.path.get_ident().is_some_and(|ident| {
            let name = ident.to_string();
            matches!(
                name.as_str(),
                "u8" | "u16"
                    | "u32"
                    | "u64"
                    | "u128"
                    | "usize"
                    | "i8"
                    | "i16"
                    | "i32"
                    | "i64"
                    | "i128"
                    | "isize"
                    | "f32"
                    | "f64"
                    | "bool"
                    | "char"
            )
        }),
        _ => false,
    }
}

/// Turns a pattern for a value into one for a reference to it, and collects its names.
struct ByReference {
    names: Vec<Ident>,
    is_possible: bool,
}

impl VisitMut for ByReference {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        self.names.push(pat.ident.clone());
        self.is_possible &= pat.by_ref.is_none();
        pat.mutability = None;
        visit_mut::visit_pat_ident_mut(self, pat);
    }

    fn visit_pat_reference_mut(&mut self, pat: &mut syn::PatReference) {
        self.is_possible = false;
        visit_mut::visit_pat_reference_mut(self, pat);
    }
}

fn check_signature(sig: &Signature, attribute: &str, errors: &mut Errors) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        errors.on(
            sig.fn_token,
            format!("`#[{attribute}]` works on `async fn`: make `{name}` one"),
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.on(
            token,
            format!("`#[{attribute}]` does not work on `unsafe` functions: annotate a safe one around it"),
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(
            variadic,
            format!("`#[{attribute}]` does not work on variadic functions"),
        );
    }
    if let ReturnType::Type(_, ty) = &sig.output
        && let Some(opaque) = find_opaque(ty)
    {
        errors.at(
                opaque,
                format!("`#[{attribute}]` needs a return type that can be named: write it out instead of `impl ..`"),
            );
    }
}

/// The first `impl Trait` in a return type.
fn find_opaque(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl<'ast> syn::visit::Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert(ty.impl_token.span());
        }
    }
    let mut find = Find(None);
    syn::visit::Visit::visit_type(&mut find, ty);
    find.0
}

fn not_a_function(item: TokenStream, error: syn::Error, attribute: &str, errors: &mut Errors) {
    if let Ok(declared) = syn::parse2::<syn::TraitItemFn>(item.clone())
        && declared.default.is_none()
    {
        errors.on(
            &declared.sig.ident,
            format!("`#[{attribute}]` needs a function with a body: annotate the implementations"),
        );
        return;
    }
    match syn::parse2::<syn::Item>(item) {
        Ok(syn::Item::Fn(_)) | Err(_) => errors.push(error),
        Ok(_) => errors.at(
            Span::call_site(),
            format!("`#[{attribute}]` belongs on an `async fn`"),
        ),
    }
}
