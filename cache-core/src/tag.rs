//! Tags: what an invalidation reaches.

use std::fmt;

use crate::key::KeyWriter;

const PREFIX: &str = "tag:";

/// A name that any number of entries carry, and by which they are invalidated together.
///
/// ```
/// use larder::Tag;
///
/// assert_eq!(Tag::new("users").as_str(), "users");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// `tag:` and the name: how a store calls the tag's generation.
    scope: String,
}

impl Tag {
    /// A tag called `name`. The name is taken as it is; values that come from elsewhere belong
    /// through a template or [`escape`](crate::escape).
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self::render(|out| out.text(name.as_ref()))
    }

    /// Renders a tag from a template.
    #[doc(hidden)]
    pub fn render(tag: impl FnOnce(&mut KeyWriter<'_>)) -> Self {
        let mut scope = String::from(PREFIX);
        tag(&mut KeyWriter::tag(&mut scope));
        Self { scope }
    }

    /// The tag's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.scope[PREFIX.len()..]
    }

    /// The tag whose generation a store calls this, if it is a tag's.
    pub(crate) fn from_scope(scope: &str) -> Option<Self> {
        scope.starts_with(PREFIX).then(|| Self {
            scope: scope.to_owned(),
        })
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:?})", self.as_str())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Tag {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&String> for Tag {
    fn from(name: &String) -> Self {
        Self::new(name)
    }
}

impl From<&&str> for Tag {
    fn from(name: &&str) -> Self {
        Self::new(name)
    }
}

impl From<&Tag> for Tag {
    fn from(tag: &Tag) -> Self {
        tag.clone()
    }
}

/// The tags of one entry or of one invalidation, in the order they were named.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    tags: Vec<Tag>,
}

impl Tags {
    /// Adds one tag.
    pub fn push(&mut self, tag: impl Into<Tag>) {
        self.tags.push(tag.into());
    }

    /// Adds all of `tags`: what a function of the arguments returns.
    pub fn extend<T: Into<Tag>>(&mut self, tags: impl IntoIterator<Item = T>) {
        self.tags.extend(tags.into_iter().map(Into::into));
    }

    /// Adds a tag from a template.
    #[doc(hidden)]
    pub fn render(&mut self, tag: impl FnOnce(&mut KeyWriter<'_>)) {
        self.tags.push(Tag::render(tag));
    }

    /// The tags in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Tag> {
        self.tags.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}

impl<'a> IntoIterator for &'a Tags {
    type Item = &'a Tag;
    type IntoIter = std::slice::Iter<'a, Tag>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Tags {
    type Item = Tag;
    type IntoIter = std::vec::IntoIter<Tag>;
    fn into_iter(self) -> Self::IntoIter {
        self.tags.into_iter()
    }
}
