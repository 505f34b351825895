//! Lines and columns of a file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::mistake::Place;

/// Where the lines of a file begin.
pub(super) struct Lines<'a> {
    file: &'a Arc<Path>,
    source: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(file: &'a Arc<Path>, source: &'a str) -> Self {
        let after_breaks = source.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file,
            source,
            starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    pub(super) fn file(&self) -> &'a Arc<Path> {
        self.file
    }

    /// The line and column where a span begins, both from one; columns are characters.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start);
        let begin = self.starts[line - 1];
        let before = self.source.get(begin..span.start).unwrap_or_default();
        Place::Line {
            file: Arc::clone(self.file),
            line,
            column: before.chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_from_one_in_characters() {
        let file: Arc<Path> = Path::new("f").into();
        let source = "a\nbé = c\r\n\nd";
        let lines = Lines::of(&file, source);
        for (text, expected) in [
            ("a", "f:1:1"),
            ("b", "f:2:1"),
            ("=", "f:2:4"),
            ("d", "f:4:1"),
        ] {
            let at = source.find(text).expect("it is there");
            assert_eq!(lines.place(&(at..at + 1)).to_string(), expected);
        }
        let end = source.len();
        assert_eq!(lines.place(&(end..end)).to_string(), "f:4:2");
        // A place beyond the file, or inside a character, is none; it must not hurt.
        assert_eq!(lines.place(&(end + 9..end + 9)).to_string(), "f:4:1");
        assert_eq!(Lines::of(&file, "").place(&(0..0)).to_string(), "f:1:1");
    }
}
