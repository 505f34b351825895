//! The text of a key: on the stack while it is short.

use std::fmt;
use std::hash::{Hash, Hasher};

use arrayvec::ArrayString;

/// Bytes that a key may have before it moves to the heap.
const INLINE: usize = 104;

#[derive(Clone)]
pub(super) enum Text {
    Inline(ArrayString<INLINE>),
    Heap(String),
}

impl Text {
    pub(super) fn new() -> Self {
        Self::Inline(ArrayString::new_const())
    }

    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        match self {
            Self::Inline(inline) => {
                if inline.try_push_str(text).is_err() {
                    self.spill(text);
                }
            }
            Self::Heap(heap) => heap.push_str(text),
        }
    }

    #[cold]
    fn spill(&mut self, text: &str) {
        let mut heap = String::with_capacity(2 * (INLINE + text.len()));
        heap.push_str(self.as_str());
        heap.push_str(text);
        *self = Self::Heap(heap);
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Inline(inline) => inline,
            Self::Heap(heap) => heap,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
