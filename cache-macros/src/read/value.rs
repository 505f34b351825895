//! Which type a function caches, as far as its signature shows.

use proc_macro2::Span;
use syn::visit::Visit;
use syn::{GenericArgument, Lifetime, PathArguments, Type, TypeFnPtr, TypeReference};

/// The type of the cached value.
pub(crate) enum ValueType {
    Known(Box<Type>),
    /// The return type may be an alias of `Result` under another name: the caller says which type.
    Inferred,
}

/// Types with arguments that are known not to be aliases of `Result`.
const CONTAINERS: &[&str] = &[
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Box",
    "Bytes",
    "Cow",
    "HashMap",
    "HashSet",
    "IndexMap",
    "IndexSet",
    "LinkedList",
    "Option",
    "Rc",
    "String",
    "Vec",
    "VecDeque",
];

// Result<User, DbError>, io::Result<User>: User
// Option<User>, Vec<User>, User:           the same
// Fetched<User>:                           inferred
pub(crate) fn of(returned: &Type) -> ValueType {
    let same = || ValueType::Known(Box::new(returned.clone()));
    let Type::Path(path) = returned else {
        return same();
    };
    let Some(last) = path.path.segments.last() else {
        return same();
    };
    let name = last.ident.to_string();
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    if name.ends_with("Result") {
        let first = arguments
            .into_iter()
            .flatten()
            .find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty.clone()),
                _ => None,
            });
        return first.map_or(ValueType::Inferred, |ty| ValueType::Known(Box::new(ty)));
    }
    if arguments.is_none() || CONTAINERS.contains(&name.as_str()) {
        return same();
    }
    ValueType::Inferred
}

/// Whether the value can outlive the call.
pub(crate) fn is_owned(returned: &Type) -> bool {
    match of(returned) {
        ValueType::Known(ty) => find_borrow(&ty).is_none(),
        ValueType::Inferred => true,
    }
}

/// Where a type borrows from something that ends, as far as its text shows.
pub(crate) fn find_borrow(ty: &Type) -> Option<Span> {
    struct Find(Option<Span>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
            match &reference.lifetime {
                None => {
                    self.0.get_or_insert(reference.and_token.span);
                }
                Some(lifetime) => self.visit_lifetime(lifetime),
            }
            self.visit_type(&reference.elem);
        }

        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            if lifetime.ident != "static" {
                self.0.get_or_insert(lifetime.span());
            }
        }

        fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {
            // Its lifetimes are its own.
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(returned: &str) -> String {
        match of(&syn::parse_str(returned).unwrap()) {
            ValueType::Known(ty) => quote::quote!(#ty).to_string().replace(' ', ""),
            ValueType::Inferred => "?".to_owned(),
        }
    }

    #[test]
    fn results_are_opened_and_the_rest_is_kept() {
        assert_eq!(value("Result<User, Error>"), "User");
        assert_eq!(value("std::io::Result<Vec<u8>>"), "Vec<u8>");
        assert_eq!(value("DbResult<User>"), "User");
        assert_eq!(value("Option<User>"), "Option<User>");
        assert_eq!(value("(u8, User)"), "(u8,User)");
        assert_eq!(value("FetchResult"), "?");
        assert_eq!(value("Fetched<User>"), "?");
    }
}
