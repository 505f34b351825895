//! How what is declared makes itself known before `main`, with its templates: start-up compares them.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprPath, Generics, Lifetime, LitStr, Member, Path, Type, TypeImplTrait};

use crate::function::{Arg, Function};
use crate::key::Key;
use crate::layers::Layers;
use crate::tags::Tag;
use crate::template::Template;

/// What is registered of a function.
pub(crate) struct Site<'a> {
    /// The variant of `larder::Role`.
    pub(crate) role: &'static str,
    pub(crate) function: String,
    pub(crate) templates: Templates,
    pub(crate) cache: Option<&'a LitStr>,
    pub(crate) layers: Layers,
}

impl Site<'_> {
    // Input:  #[cache_read(key = "user:{id}", tags = ["users"])] async fn get_user(..)
    // Output: static SITE: ::larder::Site =
    //             ::larder::Site::new(::larder::Role::Read, "path::to::get_user").with(TEMPLATES);
    //         ::larder::__private::submit! { ::larder::__private::Registration(&SITE) }
    /// The items that go into a function's body; the static is called `name`.
    pub(crate) fn expand(&self, name: &Ident) -> TokenStream {
        let Self {
            role,
            function,
            templates,
            cache,
            layers,
        } = self;
        let role = format_ident!("{role}");
        let suffix = format!("::{function}");
        let cache = cache.iter();
        let layers = layers.expand();
        quote! {
            static #name: ::larder::Site = ::larder::Site::new(
                ::larder::Role::#role,
                ::core::concat!(::core::module_path!(), #suffix),
            )
            .with(#templates)
            #(.cache(#cache))* #layers;
            ::larder::__private::submit! { ::larder::__private::Registration(&#name) }
        }
    }
}

/// What the static is called. An item, so its name is all that keeps it apart from the user's.
pub(crate) fn site_ident() -> Ident {
    Ident::new("__LARDER_SITE", proc_macro2::Span::call_site())
}

/// The templates of one declaration; what is none is named, so that it can be looked up or told.
#[derive(Default)]
pub(crate) struct Templates {
    key: Option<String>,
    namespace: Option<String>,
    keys: Vec<String>,
    tags: Vec<String>,
    code: Vec<(&'static str, String)>,
    integers: Vec<String>,
    texts: Vec<String>,
    recaches: Vec<String>,
    value: Option<Type>,
}

impl Templates {
    /// The key of what is read.
    pub(crate) fn key(mut self, key: &Key, namespace: Option<&Template>) -> Self {
        match template_of(key) {
            Ok(template) => self.key = Some(template),
            Err(code) => self.code.push(("Key", code)),
        }
        self.namespace(namespace)
    }

    /// The keys that are invalidated.
    pub(crate) fn keys(mut self, keys: &[Key], namespace: Option<&Template>) -> Self {
        for key in keys {
            match template_of(key) {
                Ok(template) => self.keys.push(template),
                Err(code) => self.code.push(("Key", code)),
            }
        }
        self.namespace(namespace)
    }

    fn namespace(mut self, namespace: Option<&Template>) -> Self {
        self.namespace = namespace.map(Template::canonical);
        self
    }

    pub(crate) fn tags<'t>(mut self, tags: impl IntoIterator<Item = &'t Tag>) -> Self {
        for tag in tags {
            match tag {
                Tag::Template(template) => self.tags.push(template.canonical()),
                Tag::One(code) | Tag::Many(code) | Tag::Function(code) => {
                    self.code.push(("Tags", text(code)));
                }
            }
        }
        self
    }

    /// What gives a whole spec.
    pub(crate) fn spec(mut self, spec: &Expr) -> Self {
        self.code.push(("Spec", text(spec)));
        self
    }

    /// Notes which of the arguments are integers, and which are texts.
    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a Arg>) -> Self {
        for arg in args {
            let [name] = &arg.names[..] else { continue };
            let name = name.unraw().to_string();
            if is_one_of(&INTEGERS, &arg.ty) {
                self.integers.push(name);
            } else if is_one_of(&TEXTS, &arg.ty) {
                self.texts.push(name);
            }
        }
        self
    }

    pub(crate) fn recaches(mut self, calls: &[Expr]) -> Self {
        self.recaches = calls
            .iter()
            .map(text)
            .map(|text| text.trim_end_matches("(..)").to_owned())
            .collect();
        self
    }

    /// The type of the value that the function keeps, where an item outside it can name that: not of
    /// methods, whose types may be parameters of the `impl`.
    pub(crate) fn value(self, function: &Function) -> Self {
        self.value_of(function, &function.returned)
    }

    /// The same where it returns values of this type.
    pub(crate) fn value_of(mut self, function: &Function, value: &Type) -> Self {
        let is_nameable =
            function.receiver().is_none() && is_nameable(value, &function.sig.generics);
        self.value = is_nameable.then(|| value.clone());
        self
    }
}

// Output: ::larder::__private::Templates::new().key("user:{id}").tags(&["users"])
impl ToTokens for Templates {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            key,
            namespace,
            keys,
            tags,
            code,
            integers,
            texts,
            recaches,
            value,
        } = self;
        let (key, namespace) = (key.iter(), namespace.iter());
        let list = |name: &str, texts: &[String]| {
            let name = format_ident!("{name}");
            (!texts.is_empty()).then(|| quote!(.#name(&[#(#texts),*])))
        };
        let (keys, tags) = (list("keys", keys), list("tags", tags));
        let (integers, texts) = (list("integers", integers), list("texts", texts));
        let recaches = list("recaches", recaches);
        let each = code.iter().map(|(kind, text)| {
            let kind = format_ident!("{kind}");
            quote!(::larder::__private::Code::#kind(#text))
        });
        let code = (!code.is_empty()).then(|| quote!(.code(&[#(#each),*])));
        let value = value.iter();
        tokens.extend(quote! {
            ::larder::__private::Templates::new()
                #(.key(#key))* #(.namespace(#namespace))* #keys #tags #code #integers #texts
                #recaches
                #(.value(::larder::__private::value_type_of!(#value)))*
        });
    }
}

/// The key's template, or what the code is that makes it.
fn template_of(key: &Key) -> Result<String, String> {
    match key {
        Key::Template(template) => Ok(template.canonical()),
        Key::Parts(parts) => Ok(parts.elems.iter().map(part).collect::<Vec<_>>().join(":")),
        Key::Expr(code) => Err(text(code)),
    }
}

// Input:  "user", id, name.len()
// Output: user, {id}, {_}
/// A part of a key is a value: a literal is one whose text is known, unless it would be escaped.
fn part(part: &Expr) -> String {
    if let Expr::Lit(syn::ExprLit {
        lit: syn::Lit::Str(literal),
        ..
    }) = part
    {
        let text = literal.value();
        if text.chars().all(crate::scope::may_stand_in_a_value) {
            return text;
        }
    }
    match path_of(part) {
        Some(path) if path.get_ident().is_some() => format!("{{{}}}", text(part)),
        _ => "{_}".to_owned(),
    }
}

// Input:  &user::tag(id), get_user::key(id), tags_of, self.tags(), format!("user:{id}")
// Output: user::tag(..), get_user::key(..), tags_of, tags(..), format!(..)
/// An expression without what it is about, as it is told and looked up.
fn text(code: &Expr) -> String {
    match code {
        Expr::Reference(reference) => text(&reference.expr),
        Expr::Paren(inside) => text(&inside.expr),
        Expr::Group(inside) => text(&inside.expr),
        // The key of a spec.
        Expr::Field(field) if matches!(&field.member, Member::Named(name) if name == "key") => {
            text(&field.base)
        }
        Expr::Call(call) => format!("{}(..)", text(&call.func)),
        Expr::MethodCall(call) => format!("{}(..)", call.method.unraw()),
        Expr::Macro(called) => format!("{}!(..)", path_text(&called.mac.path)),
        other => path_of(other).map_or_else(|| "an expression".to_owned(), path_text),
    }
}

fn path_of(code: &Expr) -> Option<&Path> {
    match code {
        Expr::Path(ExprPath {
            qself: None, path, ..
        }) => Some(path),
        _ => None,
    }
}

fn path_text(path: &Path) -> String {
    let segments = path.segments.iter();
    let names = segments.map(|segment| segment.ident.unraw().to_string());
    names.collect::<Vec<_>>().join("::")
}

const INTEGERS: [&str; 12] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];
const TEXTS: [&str; 2] = ["str", "String"];

fn is_one_of(names: &[&str], ty: &Type) -> bool {
    match ty {
        Type::Path(path) => names.iter().any(|name| path.path.is_ident(name)),
        Type::Reference(reference) => is_one_of(names, &reference.elem),
        Type::Paren(inside) => is_one_of(names, &inside.elem),
        Type::Group(inside) => is_one_of(names, &inside.elem),
        _ => false,
    }
}

/// Whether an item in the function's body can name the type too: it sees no parameters, no `Self` and
/// no lifetimes.
fn is_nameable(ty: &Type, generics: &Generics) -> bool {
    struct Find<'g> {
        generics: &'g Generics,
        is_bound: bool,
    }
    impl<'ast> Visit<'ast> for Find<'_> {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.is_bound |= lifetime.ident != "static";
        }

        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            self.is_bound |= reference.lifetime.is_none();
            visit::visit_type_reference(self, reference);
        }

        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.is_bound = true;
        }

        fn visit_ident(&mut self, ident: &'ast Ident) {
            let mut params = self.generics.params.iter();
            self.is_bound |= ident == "Self"
                || params.any(|param| match param {
                    syn::GenericParam::Type(param) => param.ident == *ident,
                    syn::GenericParam::Const(param) => param.ident == *ident,
                    syn::GenericParam::Lifetime(_) => false,
                });
        }
    }
    let mut find = Find {
        generics,
        is_bound: false,
    };
    find.visit_type(ty);
    !find.is_bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_without_what_it_is_about() {
        for (code, told) in [
            ("user::tag(id)", "user::tag(..)"),
            ("&crate::user::tag(&ret.id)", "crate::user::tag(..)"),
            ("user::profile(id).key", "user::profile(..)"),
            ("tags_of", "tags_of"),
            ("self.tags()", "tags(..)"),
            ("format!(\"user:{id}\")", "format!(..)"),
            ("if a { b } else { c }", "an expression"),
        ] {
            assert_eq!(text(&syn::parse_str(code).unwrap()), told);
        }
    }

    #[test]
    fn parts_are_a_template_as_far_as_they_are_known() {
        let key = |tuple| template_of(&Key::Parts(syn::parse_str(tuple).unwrap()));
        assert_eq!(key("(\"user\", id)").unwrap(), "user:{id}");
        assert_eq!(key("(\"a:b\", a.b, 7)").unwrap(), "{_}:{_}:{_}");
    }

    #[test]
    fn a_type_that_only_the_function_knows_is_not_named() {
        let is = |signature: &str| {
            let sig: syn::Signature = syn::parse_str(signature).unwrap();
            let syn::ReturnType::Type(_, ty) = &sig.output else {
                return true;
            };
            is_nameable(ty, &sig.generics)
        };
        assert!(is("fn f() -> Result<Vec<User>, Error<'static>>"));
        assert!(!is("fn f<T>() -> Vec<T>"));
        assert!(!is("fn f<const N: usize>() -> [u8; N]"));
        assert!(!is("fn f(a: &str) -> Result<u8, &str>"));
        assert!(!is("fn f(a: &str) -> Result<u8, Error<'_>>"));
        assert!(!is("fn f() -> Result<Self, Error>"));
        assert!(!is("fn f() -> impl Future<Output = u8>"));
    }
}
