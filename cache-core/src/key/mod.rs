//! Keys: what an entry is called.
//!
//! A key is a text, optionally inside a namespace. Values that are put into a key through a
//! template are escaped (see [`escape`]), so that no value can reach another value's place, key or
//! namespace.

mod escape;
mod format;
mod hashed;
mod part;
mod pattern;
mod text;
mod writer;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::Serialize;

pub(crate) use self::escape::always_escaped;
pub use self::escape::escape;
#[doc(hidden)]
pub use self::format::{ByHash, Integer, ListByRule, ListMissing, integer, list};
#[doc(hidden)]
pub use self::hashed::{HashPart, Hashed};
pub use self::part::KeyPart;
#[doc(hidden)]
pub use self::part::{PartByDisplay, PartByRule, PartMissing, Unwritable, Wrap};
pub use self::pattern::{Pattern, PatternPart};
use self::text::Text;
pub use self::writer::{KeyWriter, ValueWriter};
use crate::tag::{Tag, Tags};

/// What an entry is called: a text, optionally inside a namespace.
///
/// Keys up to about a hundred bytes live on the stack, so making one does not allocate.
///
/// ```
/// use larder::Key;
///
/// let key = Key::new("user:7");
/// assert_eq!(key.as_str(), "user:7");
/// assert_eq!(key.full(), "user:7");
///
/// let key = Key::new("user:7").in_namespace("shop");
/// assert_eq!(key.namespace(), Some("shop"));
/// assert_eq!(key.full(), "shop:user:7");
/// ```
///
/// A key may bring the tags along that its entry is to carry. They make no other key of it: two keys
/// are equal if their texts and namespaces are.
#[derive(Clone)]
pub struct Key {
    /// `namespace:key`; without a namespace `:key`. The namespace holds no `:` of its own.
    text: Text,
    namespace_len: usize,
    /// Boxed, because few keys have any.
    tags: Option<Box<Tags>>,
}

impl Key {
    /// A key outside every namespace. The text is taken as it is; values that come from elsewhere
    /// belong through a template or [`escape`].
    #[must_use]
    pub fn new(key: impl AsRef<str>) -> Self {
        let mut text = Text::new();
        text.push(":");
        text.push(key.as_ref());
        Self {
            text,
            namespace_len: 0,
            tags: None,
        }
    }

    /// The same key inside `namespace`. An empty name stands for no namespace; characters that
    /// could be taken for structure (`:` among them) are escaped.
    #[must_use]
    pub fn in_namespace(self, namespace: impl AsRef<str>) -> Self {
        let key = self.as_str();
        let moved = if namespace.as_ref().is_empty() {
            Self::new(key)
        } else {
            Self::render_in(|out| out.value(namespace.as_ref()), |out| out.text(key))
        };
        Self {
            tags: self.tags,
            ..moved
        }
    }

    /// The same key with these tags beside those it has: what is stored under it carries them.
    ///
    /// ```
    /// use larder::{Cache, Key};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// let key = Key::new("user:7").in_namespace("shop").tagged(["users"]);
    /// cache.set(&key, &"Ada".to_owned()).await?;
    /// cache.invalidate_tags(["users"]).await?;
    /// assert!(!cache.exists(&key).await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tagged<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.get_or_insert_default().extend(tags);
        self
    }

    /// The tags that what is stored under it carries.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().flat_map(|tags| tags.iter())
    }

    /// The key that is called this in a store.
    pub(crate) fn from_qualified(qualified: &str) -> Option<Self> {
        let namespace_len = qualified.find(':')?;
        let mut text = Text::new();
        text.push(qualified);
        Some(Self {
            text,
            namespace_len,
            tags: None,
        })
    }

    /// Renders a key outside every namespace.
    #[doc(hidden)]
    pub fn render(key: impl FnOnce(&mut KeyWriter<'_>)) -> Self {
        let mut text = Text::new();
        text.push(":");
        key(&mut KeyWriter::new(&mut text));
        Self {
            text,
            namespace_len: 0,
            tags: None,
        }
    }

    /// Renders a key inside the namespace that the first closure writes.
    #[doc(hidden)]
    pub fn render_in(
        namespace: impl FnOnce(&mut KeyWriter<'_>),
        key: impl FnOnce(&mut KeyWriter<'_>),
    ) -> Self {
        let mut text = Text::new();
        namespace(&mut KeyWriter::namespace(&mut text));
        if text.as_str().is_empty() {
            // A namespace whose values came out empty is still not the absence of one.
            text.push("%-");
        }
        let namespace_len = text.as_str().len();
        text.push(":");
        key(&mut KeyWriter::new(&mut text));
        Self {
            text,
            namespace_len,
            tags: None,
        }
    }

    /// The key of a function call: the function's path and the xxh3-128 of its arguments, so that
    /// arguments of any shape and length make a key of bounded length.
    ///
    /// Arguments that cannot be encoded (their `Serialize` fails) are an error.
    ///
    /// ```
    /// use larder::Key;
    ///
    /// let key = Key::of_call("shop::search", &("shoes", 42))?;
    /// assert!(key.as_str().starts_with("shop::search:"));
    /// assert_ne!(key, Key::of_call("shop::search", &("shoes", 43))?);
    /// # Ok::<(), larder::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Key`](crate::Error::Key) when the arguments do not serialize.
    pub fn of_call<A: Serialize + ?Sized>(
        function: &str,
        arguments: &A,
    ) -> Result<Self, crate::Error> {
        let (bytes, signature) =
            crate::codec::identify(arguments).map_err(|reason| crate::Error::Key {
                function: function.to_owned(),
                reason,
            })?;
        let hash = xxhash_rust::xxh3::xxh3_128_with_seed(&bytes, signature);
        Ok(Self::render(|out| {
            out.text(function);
            out.text(":");
            out.text(&format!("{hash:032x}"));
        }))
    }

    /// The key without its namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text.as_str()[self.namespace_len + 1..]
    }

    /// The namespace, if the key is in one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        (self.namespace_len > 0).then(|| &self.text.as_str()[..self.namespace_len])
    }

    /// `namespace:key`, or just the key when it is in no namespace.
    #[must_use]
    pub fn full(&self) -> &str {
        if self.namespace_len == 0 {
            self.as_str()
        } else {
            self.text.as_str()
        }
    }

    /// `namespace:key`, with the colon in front also when there is no namespace: what stores use,
    /// because a key without a namespace can then never be taken for one in a namespace.
    #[must_use]
    pub fn qualified(&self) -> &str {
        self.text.as_str()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.namespace_len == other.namespace_len && self.text == other.text
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.namespace_len.hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.full())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.full())
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl From<&String> for Key {
    fn from(key: &String) -> Self {
        Self::new(key)
    }
}

impl From<&&str> for Key {
    fn from(key: &&str) -> Self {
        Self::new(key)
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_cannot_be_forged_by_a_key() {
        let inside = Key::new("b").in_namespace("a");
        let outside = Key::new("a:b");
        assert_eq!(inside.full(), outside.full());
        assert_ne!(inside.qualified(), outside.qualified());
        assert_ne!(inside, outside);
    }

    #[test]
    fn a_namespace_is_one_segment() {
        let key = Key::new("c").in_namespace("a:b");
        assert_eq!(key.namespace(), Some("a%3Ab"));
        assert_eq!(key.qualified(), "a%3Ab:c");
    }

    #[test]
    fn long_keys_are_kept_whole() {
        let long = "x".repeat(5_000);
        assert_eq!(Key::new(&long).as_str(), long);
    }
}
