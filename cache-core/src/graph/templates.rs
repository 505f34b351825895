//! What a declaration says of its keys and tags, as the macros register it: constants, so that a
//! program with hundreds of annotated functions starts as fast as one with none.

use std::any::TypeId;

use crate::outcome::{Fallible, Plain};

/// The templates of one declaration, and what stands where a template could.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Templates {
    pub(crate) key: Option<&'static str>,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) keys: &'static [&'static str],
    pub(crate) tags: &'static [&'static str],
    pub(crate) code: &'static [Code],
    pub(crate) integers: &'static [&'static str],
    pub(crate) texts: &'static [&'static str],
    pub(crate) recaches: &'static [&'static str],
    pub(crate) value: Option<fn() -> ValueType>,
}

impl Templates {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            key: None,
            namespace: None,
            keys: &[],
            tags: &[],
            code: &[],
            integers: &[],
            texts: &[],
            recaches: &[],
            value: None,
        }
    }

    /// The key of what is read.
    #[must_use]
    pub const fn key(self, key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// The namespace of the key or keys.
    #[must_use]
    pub const fn namespace(self, namespace: &'static str) -> Self {
        Self {
            namespace: Some(namespace),
            ..self
        }
    }

    /// The keys that are invalidated.
    #[must_use]
    pub const fn keys(self, keys: &'static [&'static str]) -> Self {
        Self { keys, ..self }
    }

    /// The tags that are carried or invalidated.
    #[must_use]
    pub const fn tags(self, tags: &'static [&'static str]) -> Self {
        Self { tags, ..self }
    }

    /// What is no template.
    #[must_use]
    pub const fn code(self, code: &'static [Code]) -> Self {
        Self { code, ..self }
    }

    /// The names whose values are integers: what they are written as cannot be a word.
    #[must_use]
    pub const fn integers(self, names: &'static [&'static str]) -> Self {
        Self {
            integers: names,
            ..self
        }
    }

    /// The names whose values are texts: what they are written as can be any word.
    #[must_use]
    pub const fn texts(self, names: &'static [&'static str]) -> Self {
        Self {
            texts: names,
            ..self
        }
    }

    /// What is called after the invalidation.
    #[must_use]
    pub const fn recaches(self, calls: &'static [&'static str]) -> Self {
        Self {
            recaches: calls,
            ..self
        }
    }

    /// The type of the value that is kept.
    #[must_use]
    pub const fn value(self, value: fn() -> ValueType) -> Self {
        Self {
            value: Some(value),
            ..self
        }
    }
}

/// An expression where a template could stand, as it is written: `user::tag(..)`.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Gives a key, tags and a ttl.
    Spec(&'static str),
    Key(&'static str),
    /// Gives any number of tags.
    Tags(&'static str),
}

impl Code {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Spec(text) | Self::Key(text) | Self::Tags(text) => text,
        }
    }

    /// The path of what is called.
    pub(crate) fn path(self) -> &'static str {
        let text = self.text();
        text.strip_suffix("(..)").unwrap_or(text)
    }
}

/// The type of a value, to be compared and to be named.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ValueType {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl ValueType {
    fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: std::any::type_name::<T>(),
        }
    }
}

/// A function's return type, of which only the value is kept. Asks nothing of the types, so that one
/// that cannot be cached is told once, where it is used.
#[doc(hidden)]
pub trait Kept {
    fn value_type(&self) -> ValueType;
}

impl<T: 'static, C> Kept for Plain<T, C> {
    fn value_type(&self) -> ValueType {
        ValueType::of::<T>()
    }
}

impl<T: 'static, E, C> Kept for Fallible<T, E, C> {
    fn value_type(&self) -> ValueType {
        ValueType::of::<T>()
    }
}

#[doc(hidden)]
pub fn value_type(kept: impl Kept) -> ValueType {
    kept.value_type()
}

/// The type of the value that a function keeps which returns this: through `Result` and its aliases,
/// as [`__outcome!`](crate::__outcome) finds it.
#[doc(hidden)]
#[macro_export]
macro_rules! __value_type {
    ($returned:ty) => {
        || {
            #[allow(unused_imports)]
            use $crate::__private::{ReturnsPlain as _, ReturnsResult as _};
            $crate::__private::value_type(
                (&&$crate::__private::Returns::<$returned>::NEW).outcome(),
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    type Aliased<T> = Result<T, std::io::Error>;

    #[test]
    fn the_value_is_what_is_kept_of_the_return_type() {
        const PLAIN: fn() -> ValueType = __value_type!(u64);
        const RESULT: fn() -> ValueType = __value_type!(Result<u64, String>);
        const ALIAS: fn() -> ValueType = __value_type!(Aliased<u64>);
        const OPTION: fn() -> ValueType = __value_type!(Aliased<Option<u64>>);
        let types = [PLAIN(), RESULT(), ALIAS()].map(|found| (found.id, found.name));
        assert_eq!(types, [(TypeId::of::<u64>(), "u64"); 3]);
        assert_eq!(OPTION().id, TypeId::of::<Option<u64>>());
    }
}
