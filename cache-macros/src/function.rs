//! The annotated function: its arguments under names that a template can use.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    AttrStyle, Attribute, Block, FnArg, ItemFn, Receiver, ReceiverKind, Safety, Signature, Type,
    Visibility,
};

pub(crate) use crate::argument::Arg;
use crate::argument::{is_copy, pattern_in_body};
use crate::cfg;
use crate::errors::{Errors, did_you_mean};
use crate::form::Form;
use crate::mentions;

/// A function, free or in an `impl` or `trait`.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) block: Box<Block>,
    pub(crate) form: Form,
    pub(crate) args: Vec<Arg>,
    /// The arguments that are configured away.
    absent: Vec<Arg>,
    /// The type of the value that a caller gets at last.
    pub(crate) returned: Type,
    /// Whether it is known to stand in an `impl` or `trait`, where there is no place for a companion.
    pub(crate) is_associated: bool,
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
        let attrs: Vec<_> = attrs.into_iter().map(outer).collect();
        check_signature(&sig, attribute, errors);
        check_attributes(&attrs, attribute, errors);
        if let Some(default) = modifiers.defaultness {
            errors.on(
                default,
                format!("`#[{attribute}]` does not work on `default` functions"),
            );
        }
        let (form, returned) = Form::of(&sig, &block);
        if let Some(opaque) = find_opaque(&returned) {
            errors.at(
                opaque,
                format!("`#[{attribute}]` needs a return type that can be named: write it out instead of `impl ..`"),
            );
        }
        let (mut args, mut absent) = (Vec::new(), Vec::new());
        for (at, input) in sig.inputs.iter().enumerate() {
            let FnArg::Typed(typed) = input else { continue };
            let mut arg = Arg::new(at, typed);
            if let Some(pat) = pattern_in_body(&arg.ident, &block) {
                arg = arg.taken_apart_in_body(&pat);
            }
            let is_absent = cfg::is_absent(typed);
            if is_absent { &mut absent } else { &mut args }.push(arg);
        }
        let mut sig = sig;
        sig.inputs = std::mem::take(&mut sig.inputs)
            .into_iter()
            .filter(|input| !matches!(input, FnArg::Typed(arg) if cfg::is_absent(arg)))
            .collect();
        let is_associated = sig.receiver().is_some()
            || is_from_async_trait(&sig)
            || mentions::self_type(&sig, &block);
        Some(Self {
            attrs,
            vis,
            sig,
            block,
            form,
            args,
            absent,
            returned,
            is_associated,
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

    /// Whether there is such an argument where the program is built otherwise.
    pub(crate) fn lacks_name(&self, name: &str) -> bool {
        let mut names = self.absent.iter().flat_map(|arg| &arg.names);
        names.any(|known| known.unraw() == name)
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

    // Input:  fn load(id: u64) -> impl Future<Output = User> + Send
    // Output: async fn load(id: u64) -> User
    /// The signature of an `async fn` that does the same; a plain function's own.
    pub(crate) fn value_signature(&self) -> Signature {
        let mut sig = self.signature();
        if matches!(self.form, Form::Future | Form::Boxed { .. }) {
            let returned = &self.returned;
            sig.asyncness = Some(syn::parse_quote!(async));
            sig.output = syn::parse_quote!(-> #returned);
        }
        sig
    }

    /// Reports a function whose value cannot be awaited.
    pub(crate) fn check_awaits(&self, attribute: &str, errors: &mut Errors) {
        if let Form::Plain = self.form {
            let message = format!(
                "`#[{attribute}]` works on `async fn`: make `{}` one",
                self.name()
            );
            errors.on(self.sig.fn_token, message);
        }
    }

    /// `.await`, where the value comes by it.
    pub(crate) fn dot_await(&self) -> Option<TokenStream> {
        match self.form {
            Form::Plain => None,
            Form::Async | Form::Future | Form::Boxed { .. } => Some(quote!(.await)),
        }
    }

    pub(crate) fn is_unsafe(&self) -> bool {
        matches!(self.sig.safety, Safety::Unsafe(_))
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

fn check_signature(sig: &Signature, attribute: &str, errors: &mut Errors) {
    if let Some(constness) = &sig.constness {
        errors.on(
            constness,
            format!("`#[{attribute}]` works at run time: leave `const` out"),
        );
    }
    if let Some(abi) = &sig.abi {
        errors.on(
            abi,
            format!(
                "`#[{attribute}]` does not work on `extern` functions: annotate one that it calls"
            ),
        );
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(
            variadic,
            format!("`#[{attribute}]` does not work on variadic functions"),
        );
    }
}

fn check_attributes(attrs: &[Attribute], attribute: &str, errors: &mut Errors) {
    for attr in attrs {
        if attr.path().is_ident("track_caller") {
            errors.on(
                attr.path(),
                format!("the body is not called by the caller under `#[{attribute}]`: leave `track_caller` out"),
            );
        }
    }
}

/// `#[async_trait]` works on `impl`s and traits, and gives each function this parameter.
fn is_from_async_trait(sig: &Signature) -> bool {
    let mut lifetimes = sig.generics.lifetimes();
    lifetimes.any(|param| param.lifetime.ident == "async_trait")
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
            format!("`#[{attribute}]` belongs on a function"),
        ),
    }
}
