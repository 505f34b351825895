//! Which type a batch caches, as far as its signature shows.

use syn::{GenericArgument, PathArguments, Type};

use crate::read::value::{self, ValueType};

// Result<HashMap<u64, User>, DbError>, Vec<(u64, User)>: User
/// The type of one value.
pub(super) fn paired(returned: &Type) -> Option<Type> {
    let ValueType::Known(pairs) = value::of(returned) else {
        return None;
    };
    let Type::Path(path) = &*pairs else {
        return None;
    };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    match (types.next()?, types.next()) {
        (_, Some(value)) => Some(value.clone()),
        (Type::Tuple(pair), None) if pair.elems.len() == 2 => pair.elems.last().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(returned: &str) -> Option<String> {
        let value = paired(&syn::parse_str(returned).unwrap())?;
        Some(quote::quote!(#value).to_string().replace(' ', ""))
    }

    #[test]
    fn a_value_is_the_second_of_a_pair() {
        let user = Some("User".to_owned());
        assert_eq!(value("HashMap<u64, User, Hasher>"), user);
        assert_eq!(value("io::Result<Vec<(Id, User)>>"), user);
        assert_eq!(
            value("DbResult<BTreeMap<u64, Option<User>>>"),
            Some("Option<User>".to_owned())
        );
        assert_eq!(value("Vec<User>"), None);
        assert_eq!(value("Users"), None);
    }
}
