//! What was probably meant by a tag or key that does not fit.

use super::declared::Declaration;

/// A tag or key that is like the one that a finding is about: the same in another cache, or one that
/// is written nearly the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Suggestion {
    /// The template.
    pub name: String,
    /// Who names it.
    pub declared: Declaration,
    /// The cache that it is in.
    pub cache: String,
}

impl Suggestion {
    pub(super) fn new(name: impl Into<String>, declared: Declaration, cache: &str) -> Self {
        Self {
            name: name.into(),
            declared,
            cache: cache.to_owned(),
        }
    }
}

/// The one of `candidates`, by their templates without names, that is likely to be a slip for `shape`.
pub(super) fn nearest<'s, T>(
    shape: &str,
    candidates: impl IntoIterator<Item = (&'s str, T)>,
) -> Option<T> {
    candidates
        .into_iter()
        .map(|(other, found)| {
            // A quarter may be different: `orders-of:{}` for `orders:{}`.
            let most = shape.chars().count().max(other.chars().count()) / 4;
            (
                strsim::damerau_levenshtein(shape, other),
                most.max(1),
                found,
            )
        })
        .filter(|(distance, most, _)| distance <= most)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., found)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_strangers_are_not() {
        let nearest = |shape, others: &[&'static str]| {
            nearest(shape, others.iter().map(|other| (*other, *other)))
        };
        assert_eq!(
            nearest("user:{}", &["order:{}", "users:{}"]),
            Some("users:{}")
        );
        assert_eq!(nearest("orders-of:{}", &["orders:{}"]), Some("orders:{}"));
        assert_eq!(
            nearest("orders:{}", &["orders-of:{}"]),
            Some("orders-of:{}")
        );
        assert_eq!(nearest("users", &["user:{}", "orders"]), None);
        assert_eq!(nearest("a", &["bc"]), None);
    }
}
