//! Rendering a template: literal text as it is, values escaped.

use std::fmt::{self, Display, Write};

use xxhash_rust::xxh3::Xxh3Default;

use super::escape::{always_escaped, write_escaped};
use super::part::KeyPart;
use super::text::Text;

/// Renders one template into a key, tag or namespace.
#[derive(Debug)]
pub struct KeyWriter<'a> {
    target: Target<'a>,
}

#[derive(Debug)]
enum Target<'a> {
    Key(&'a mut Text),
    Namespace(&'a mut Text),
    Tag(&'a mut String),
    Hash(&'a mut Hashing),
}

impl<'a> KeyWriter<'a> {
    pub(super) fn new(text: &'a mut Text) -> Self {
        Self {
            target: Target::Key(text),
        }
    }

    /// A namespace is one segment: what structures a key is escaped in its literal text too.
    pub(super) fn namespace(text: &'a mut Text) -> Self {
        Self {
            target: Target::Namespace(text),
        }
    }

    pub(crate) fn tag(text: &'a mut String) -> Self {
        Self {
            target: Target::Tag(text),
        }
    }

    /// Renders into a hash, which allocates nothing however long it gets.
    pub(super) fn hash(hash: &'a mut Hashing) -> Self {
        Self {
            target: Target::Hash(hash),
        }
    }

    /// Literal text of the template.
    #[inline]
    pub fn text(&mut self, text: &str) {
        match &mut self.target {
            Target::Key(key) => key.push(text),
            Target::Namespace(namespace) => {
                write_escaped(text, None, &mut |piece| namespace.push(piece));
            }
            Target::Tag(tag) => tag.push_str(text),
            Target::Hash(hash) => hash.0.update(text.as_bytes()),
        }
    }

    /// A value, escaped.
    #[inline]
    pub fn value(&mut self, value: impl KeyPart) {
        value.write(&mut ValueWriter {
            out: self,
            before: None,
            depth: 0,
        });
    }

    /// A value that is followed by the literal `before`, which is escaped in it too.
    #[inline]
    pub fn value_before(&mut self, value: impl KeyPart, before: char) {
        let before = (!always_escaped(before)).then_some(before);
        value.write(&mut ValueWriter {
            out: self,
            before,
            depth: 0,
        });
    }

    /// Parts that together are a key: each escaped, separated by `:`.
    #[inline]
    pub fn separator(&mut self) {
        self.text(":");
    }

    #[inline]
    fn push(&mut self, text: &str) {
        match &mut self.target {
            Target::Key(text_of) | Target::Namespace(text_of) => text_of.push(text),
            Target::Tag(tag) => tag.push_str(text),
            Target::Hash(hash) => hash.0.update(text.as_bytes()),
        }
    }
}

/// What hashes as it is written to.
pub(super) struct Hashing(pub(super) Xxh3Default);

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashing")
    }
}

/// Where a [`KeyPart`] writes its value; escapes what it is given.
#[derive(Debug)]
pub struct ValueWriter<'w, 'k> {
    out: &'w mut KeyWriter<'k>,
    before: Option<char>,
    /// How many `Option`s are around what is written now.
    depth: u8,
}

impl ValueWriter<'_, '_> {
    /// Writes a text, escaped.
    #[inline]
    pub fn text(&mut self, text: &str) {
        let Self { out, before, .. } = self;
        write_escaped(text, *before, &mut |piece| out.push(piece));
    }

    /// Writes what `value` displays as, escaped.
    pub fn display(&mut self, value: impl Display) {
        // Writing to a key cannot fail; a `Display` that reports an error has written what it has.
        let _ = write!(self, "{value}");
    }

    /// Writes the mark of an absent value, which no text can look like: once for each `Option`
    /// around it, so that `None` and `Some(None)` differ.
    pub fn none(&mut self) {
        for _ in 0..=self.depth {
            self.out.push("%-");
        }
    }

    /// Separates the values of a list, as no value and no literal text can: those have no `%` before a
    /// comma.
    pub(super) fn comma(&mut self) {
        self.out.push("%,");
    }

    /// Writes with the values one level deeper, as those in an `Option` and in a list are.
    pub(super) fn inside(&mut self, write: impl FnOnce(&mut Self)) {
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    /// Writes a value that is inside an `Option`.
    pub fn some(&mut self, value: impl KeyPart) {
        self.inside(|out| value.write(out));
    }
}

impl Write for ValueWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}
