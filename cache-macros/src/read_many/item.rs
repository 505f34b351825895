//! Which argument has the items, and what one of them is called in the key.

use proc_macro2::{Ident, Span};
use quote::quote_spanned;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, FnArg, GenericArgument, PathArguments, Type, parse_quote};

use super::NAME;
use crate::errors::{Errors, did_you_mean};
use crate::function::{Arg, Function};
use crate::key::Key;
use crate::mentions::{self, Names};

/// The argument that has the items.
pub(super) struct Items<'f> {
    pub(super) arg: &'f Arg,
    /// The type of one.
    pub(super) ty: Type,
    pub(super) form: Form,
}

/// How the body gets the items.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `&[T]`
    Slice,
    /// `Vec<T>`
    Vec,
    /// `&Vec<T>`
    VecReference,
}

impl<'f> Items<'f> {
    /// The one argument that is a list and is not skipped.
    pub(super) fn find(
        function: &'f Function,
        skip: &[Ident],
        errors: &mut Errors,
    ) -> Option<Self> {
        let skipped = |arg: &Arg| {
            let is_skipped = |name: &Ident| skip.iter().find(|word| word.unraw() == name.unraw());
            arg.names.iter().find_map(is_skipped).cloned()
        };
        let lists = function.args.iter().filter_map(|arg| {
            let (form, ty) = list(&arg.ty)?;
            Some(Self { arg, ty, form })
        });
        let (skipped_lists, mut lists): (Vec<_>, Vec<_>) =
            lists.partition(|items| skipped(items.arg).is_some());
        if let [first, more @ ..] = &lists[..] {
            for other in more {
                let (first, ident) = (first.arg.ident.unraw(), &other.arg.ident);
                let name = ident.unraw();
                errors.on(
                    ident,
                    format!("`{first}` and `{name}` are both lists, and a batch has one list of items: say `skip({name})`, or take it as something else"),
                );
            }
            let first = lists.swap_remove(0);
            if first.arg.names.as_slice() != [first.arg.ident.clone()] {
                let at = first
                    .arg
                    .names
                    .first()
                    .map_or(first.arg.ty.span(), Ident::span);
                errors.at(at, "take the items by a plain name, as in `ids: &[u64]`");
                return None;
            }
            return Some(first);
        }
        match skipped_lists.first().and_then(|items| skipped(items.arg)) {
            Some(word) => errors.on(
                &word,
                format!("`{word}` has the items of the batch: take it out of `skip(..)`"),
            ),
            None => errors.on(
                &function.sig.ident,
                format!("`#[{NAME}]` takes its items in one argument: add a slice or a `Vec`, as in `ids: &[u64]`"),
            ),
        }
        None
    }

    /// `; did you mean `org`?`, among the arguments beside the items.
    fn slip(&self, name: &str, function: &Function) -> String {
        let others = function.names().filter(|known| **known != self.arg.ident);
        let others: Vec<String> = others.map(|known| known.unraw().to_string()).collect();
        did_you_mean(name, others.iter().map(String::as_str))
    }

    /// What one of them is likely to be called.
    pub(super) fn singular(&self) -> String {
        let name = self.arg.ident.unraw().to_string();
        match name.strip_suffix('s') {
            Some(one) if !one.is_empty() => one.to_owned(),
            _ => "item".to_owned(),
        }
    }
}

/// What a list is: `&[T]`, `Vec<T>` or `&Vec<T>`, and its `T`.
fn list(ty: &Type) -> Option<(Form, Type)> {
    match ty {
        Type::Paren(inside) => list(&inside.elem),
        Type::Group(inside) => list(&inside.elem),
        Type::Reference(reference) if reference.mutability.is_none() => {
            match ungrouped(&reference.elem) {
                Type::Slice(slice) => Some((Form::Slice, (*slice.elem).clone())),
                inside => vec_of(inside).map(|ty| (Form::VecReference, ty)),
            }
        }
        other => vec_of(other).map(|ty| (Form::Vec, ty)),
    }
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inside) => ungrouped(&inside.elem),
        Type::Group(inside) => ungrouped(&inside.elem),
        other => other,
    }
}

fn vec_of(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    match (&last.arguments, last.ident == "Vec") {
        (PathArguments::AngleBracketed(arguments), true) => match arguments.args.first()? {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// One item, under the name that it has in the key.
pub(super) struct Item {
    /// As templates and expressions see it.
    pub(super) arg: Arg,
    /// How the companion takes it.
    pub(super) given: Arg,
    /// Whether it is copied for them, or lent.
    pub(super) is_copy: bool,
}

impl Item {
    fn new(name: &str, ty: &Type) -> Self {
        // As in the user's own expressions.
        let ident = syn::parse_str::<Ident>(name)
            .unwrap_or_else(|_| Ident::new_raw(name, Span::call_site()));
        let own = arg(&parse_quote!(#ident: #ty));
        let is_copy = own.is_copy();
        let is_text = matches!(ty, Type::Path(path) if path.path.segments.last()
            .is_some_and(|last| last.ident == "String"));
        let reference = quote_spanned!(ty.span()=> &#ty);
        let lent = || arg(&parse_quote!(#ident: #reference));
        let given = match (is_copy, is_text) {
            (true, _) => arg(&parse_quote!(#ident: #ty)),
            (false, true) => arg(&parse_quote!(#ident: &::core::primitive::str)),
            (false, false) => lent(),
        };
        Self {
            arg: if is_copy { own } else { lent() },
            given,
            is_copy,
        }
    }

    /// The one name in the key that is no argument.
    pub(super) fn find(
        key: &Key,
        items: &Items<'_>,
        function: &Function,
        errors: &mut Errors,
    ) -> Option<Self> {
        let one = items.singular();
        let all = items.arg.ident.unraw().to_string();
        let is_item = |name: &str| !function.has_name(name) && name != "self";
        match key {
            Key::Template(template) => {
                let mut names: Vec<&str> = Vec::new();
                let before = errors.count();
                for hole in template.holes() {
                    let name = hole.root.as_str();
                    if name == all {
                        errors.at(
                            template.span_of(hole),
                            format!(
                                "`{all}` is all of the items: name one of them, as in `{{{one}}}`"
                            ),
                        );
                    } else if is_item(name) && !names.contains(&name) {
                        names.push(name);
                    }
                }
                if errors.count() > before {
                    return None;
                }
                match names[..] {
                    [name] => return Some(Self::new(name, &items.ty)),
                    [] => errors.on(
                        &template.literal,
                        format!("the key does not say which item of `{all}` it is: name one, as in `{{{one}}}`"),
                    ),
                    [_, ..] => {
                        // Those that look like slips of arguments; else all but the first.
                        let slips: Vec<&str> = names
                            .iter()
                            .copied()
                            .filter(|name| !items.slip(name, function).is_empty())
                            .collect();
                        let wrong = if slips.is_empty() { names[1..].to_vec() } else { slips };
                        for hole in template.holes() {
                            let name = hole.root.as_str();
                            if wrong.contains(&name) {
                                let mut hint = items.slip(name, function);
                                if hint.is_empty() {
                                    hint = format!(", and `{{{}}}` is the item already", names[0]);
                                }
                                errors.at(
                                    template.span_of(hole),
                                    format!("there is no argument `{name}`{hint}"),
                                );
                            }
                        }
                    }
                }
                None
            }
            Key::Parts(_) | Key::Expr(_) => {
                let exprs: Vec<&Expr> = match key {
                    Key::Parts(parts) => parts.elems.iter().collect(),
                    Key::Expr(expr) => vec![expr],
                    Key::Template(_) => Vec::new(),
                };
                let names: Names = exprs.iter().flat_map(|expr| values_in(expr)).collect();
                let names: Vec<&String> = names.iter().filter(|name| is_item(name)).collect();
                if let Some(name) = names.iter().find(|name| ***name == one) {
                    return Some(Self::new(name, &items.ty));
                }
                let message = match names[..] {
                    [name] => return Some(Self::new(name, &items.ty)),
                    [] => format!(
                        "the key does not say which item of `{all}` it is: name one, as in `{one}`"
                    ),
                    [first, second, ..] => format!(
                        "`{first}` or `{second}` may be the item of `{all}`: call it `{one}`"
                    ),
                };
                errors.on(quote_all(&exprs), message);
                None
            }
        }
    }
}

fn quote_all(exprs: &[&Expr]) -> proc_macro2::TokenStream {
    quote::quote!(#(#exprs),*)
}

fn arg(arg: &FnArg) -> Arg {
    match arg {
        FnArg::Typed(typed) => Arg::new(0, typed),
        FnArg::Receiver(_) => unreachable!("it is written with a name and a type"),
    }
}

/// The names in an expression that can be values: not what is called, and not what is written as a
/// constant is.
fn values_in(expr: &Expr) -> Names {
    struct Called(Names);
    impl<'ast> Visit<'ast> for Called {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            if let Expr::Path(path) = &*call.func
                && let Some(ident) = path.path.get_ident()
            {
                self.0.insert(ident.unraw().to_string());
            }
            visit::visit_expr_call(self, call);
        }
    }
    let mut called = Called(Names::new());
    called.visit_expr(expr);
    mentions::of_expr(expr)
        .into_iter()
        .filter(|name| !called.0.contains(name) && !name.chars().any(char::is_uppercase))
        .collect()
}
