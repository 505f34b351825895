//! One argument: its name in the signature, and the names that a template can use.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, Expr, Local, Pat, PatIdent, Stmt, Type};

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
    /// Taken apart before the body runs.
    Pattern(Pattern),
    /// Taken apart in the body, as `#[async_trait]` leaves it.
    InBody(Pattern),
}

struct Pattern {
    pat: Box<Pat>,
    /// The same for a look at the argument from outside the body, and at what it looks, where there
    /// is one.
    look: Option<(Pat, TokenStream)>,
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
        let ident = format_ident!("arg{at}", span = Span::mixed_site());
        let (pattern, names) = Pattern::new(&arg.pat, &ident);
        Self {
            attrs,
            ident,
            ty,
            binding: Binding::Pattern(pattern),
            names,
        }
    }

    /// The same argument, where the body takes it apart by `pat`.
    pub(crate) fn taken_apart_in_body(self, pat: &Pat) -> Self {
        let (pattern, names) = Pattern::new(pat, &self.ident);
        Self {
            binding: Binding::InBody(pattern),
            names,
            ..self
        }
    }

    /// The name alone, for a signature.
    pub(crate) fn plain_pat(&self) -> Pat {
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
        match &self.binding {
            Binding::Plain | Binding::Mutable => true,
            Binding::Pattern(pattern) | Binding::InBody(pattern) => pattern.look.is_some(),
        }
    }

    // Input:  Path(id): Path<u64>
    // Output: let Path(id) = &arg0;
    /// Makes the names of the pattern visible outside the body.
    pub(crate) fn look(&self) -> TokenStream {
        let (Binding::Pattern(pattern) | Binding::InBody(pattern)) = &self.binding else {
            return TokenStream::new();
        };
        let look = pattern.look.iter().map(|(pat, place)| {
            quote! {
                #[allow(unused_variables)]
                let #pat = #place;
            }
        });
        look.collect()
    }

    // Input:  Path(id): Path<u64>
    // Output: let Path(id) = arg0;
    /// Gives other code than the body the names of the pattern, as the body gets them.
    pub(crate) fn take_apart(&self) -> TokenStream {
        let (Binding::Pattern(Pattern { pat, .. }) | Binding::InBody(Pattern { pat, .. })) =
            &self.binding
        else {
            return TokenStream::new();
        };
        let ident = &self.ident;
        quote!(#[allow(unused_variables, unused_mut)] let #pat = #ident;)
    }

    // Input:  mut name: String
    // Output: let mut name = name;
    /// Gives the body the argument as its signature said.
    pub(crate) fn unpack(&self) -> TokenStream {
        let ident = &self.ident;
        match &self.binding {
            Binding::Plain | Binding::InBody(_) => TokenStream::new(),
            Binding::Mutable => quote!(let mut #ident = #ident;),
            Binding::Pattern(Pattern { pat, .. }) => quote!(let #pat = #ident;),
        }
    }
}

impl Pattern {
    // Input:  Path(mut id)   &(a, b)
    // Output: Path(id) = &arg0   (a, b) = &*arg0
    /// The pattern of the argument `ident`, and the names in it.
    fn new(pat: &Pat, ident: &Ident) -> (Self, Vec<Ident>) {
        let (mut look, place) = match pat {
            // The argument is a reference already.
            Pat::Reference(reference) => ((*reference.pat).clone(), quote!(&*#ident)),
            other => (other.clone(), quote!(&#ident)),
        };
        let mut found = ByReference {
            names: Vec::new(),
            is_possible: true,
        };
        found.visit_pat_mut(&mut look);
        let pattern = Self {
            pat: Box::new(pat.clone()),
            look: found.is_possible.then_some((look, place)),
        };
        (pattern, found.names)
    }
}

/// Whether a type is `Copy`, as far as its text shows: shared references, numbers, `bool`, `char`.
pub(crate) fn is_copy(ty: &Type) -> bool {
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

// Input:  __arg1 in { Box::pin(async move { let Path(id) = { let __arg1 = __arg1; __arg1 }; .. }) }
// Output: Path(id)
/// By which pattern the body takes an argument apart that `#[async_trait]` renamed.
pub(crate) fn pattern_in_body(ident: &Ident, block: &Block) -> Option<Pat> {
    struct Find<'a> {
        ident: &'a Ident,
        found: Option<Pat>,
    }
    impl<'ast> Visit<'ast> for Find<'_> {
        fn visit_local(&mut self, local: &'ast Local) {
            let mut taken = local.init.as_ref().map(|init| &*init.expr);
            if let Some(Expr::Block(block)) = taken
                && let Some(Stmt::Expr(last, None)) = block.block.stmts.last()
            {
                taken = Some(last);
            }
            if let Some(Expr::Path(path)) = taken
                && path.path.is_ident(self.ident)
                && !matches!(&local.pat, Pat::Ident(same) if same.ident == *self.ident)
            {
                self.found.get_or_insert_with(|| local.pat.clone());
            }
            visit::visit_local(self, local);
        }
    }
    if !ident.to_string().starts_with("__arg") {
        return None;
    }
    let mut find = Find { ident, found: None };
    find.visit_block(block);
    find.found
}

/// Turns a pattern for a value into one for a reference to it, and collects its names.
struct ByReference {
    names: Vec<Ident>,
    is_possible: bool,
}

impl VisitMut for ByReference {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        self.names.push(pat.ident.clone());
        // A pattern for a reference binds references by itself.
        pat.by_ref = None;
        pat.mutability = None;
        visit_mut::visit_pat_ident_mut(self, pat);
    }

    fn visit_pat_reference_mut(&mut self, pat: &mut syn::PatReference) {
        self.is_possible = false;
        visit_mut::visit_pat_reference_mut(self, pat);
    }
}
