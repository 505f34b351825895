//! Patterns over keys, with one meaning on every store.

use std::fmt;

use super::Key;

/// Which keys are meant: a text with wildcards, optionally inside a namespace.
///
/// - `*` stands for any run of characters, the empty one too
/// - `?` stands for one character
/// - `[abc]`, `[a-z]` stand for one of these, `[^a-z]` for one of the others
/// - a backslash takes the next character as it is
///
/// A `[` that is never closed, and a backslash at the end, stand for themselves. A pattern without a
/// namespace means keys outside every namespace: no wildcard reaches into one.
///
/// ```
/// use larder::{Key, Pattern};
///
/// let pattern = Pattern::new("user:*:profile");
/// assert!(pattern.matches(&Key::new("user:7:profile")));
/// assert!(!pattern.matches(&Key::new("user:7:profile").in_namespace("shop")));
/// assert!(pattern.in_namespace("shop").matches(&Key::new("user:7:profile").in_namespace("shop")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// `namespace:pattern`, as [`Key::qualified`] is.
    text: Key,
    parts: Vec<PatternPart>,
    /// Whether keys of every namespace are meant, and those outside.
    everywhere: bool,
}

/// One part of a pattern, as a store translates it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PatternPart {
    /// This character.
    Is(char),
    /// Any one character.
    One,
    /// Any run of characters.
    Any,
    /// One character in these ranges; or, `negated`, outside of them.
    In {
        /// From and to, both included.
        ranges: Vec<(char, char)>,
        /// Whether the others are meant.
        negated: bool,
    },
}

impl PatternPart {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Is(own) => *own == c,
            Self::One | Self::Any => true,
            Self::In { ranges, negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            }
        }
    }
}

impl Pattern {
    /// A pattern over keys outside every namespace. Text that comes from elsewhere belongs through
    /// [`literal`](Self::literal).
    #[must_use]
    pub fn new(pattern: impl AsRef<str>) -> Self {
        Self {
            text: Key::new(pattern.as_ref()),
            parts: parse(pattern.as_ref()),
            everywhere: false,
        }
    }

    /// Every key: in every namespace, and outside.
    #[must_use]
    pub fn everywhere() -> Self {
        Self {
            everywhere: true,
            ..Self::new("*")
        }
    }

    /// The same pattern over the keys in `namespace`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl AsRef<str>) -> Self {
        self.text = self.text.in_namespace(namespace);
        self.everywhere = false;
        self
    }

    /// `text` as a part of a pattern that matches just this text.
    ///
    /// ```
    /// use larder::{Key, Pattern};
    ///
    /// let typed_in = "50% [new]*";
    /// let pattern = Pattern::new(format!("search:{}:*", Pattern::literal(typed_in)));
    /// assert!(pattern.matches(&Key::new("search:50% [new]*:1")));
    /// assert!(!pattern.matches(&Key::new("search:50% n:1")));
    /// ```
    #[must_use]
    pub fn literal(text: &str) -> String {
        let mut literal = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                literal.push('\\');
            }
            literal.push(c);
        }
        literal
    }

    /// The pattern without its namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The namespace whose keys are meant; `None` for those outside every namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text.namespace()
    }

    /// What stands before the pattern in the [`qualified`](Key::qualified) keys it means: the
    /// namespace and a colon; nothing for a pattern over every namespace.
    #[must_use]
    pub fn qualifier(&self) -> &str {
        if self.everywhere {
            return "";
        }
        let qualified = self.text.qualified();
        &qualified[..qualified.len() - self.text.as_str().len()]
    }

    /// The parts of the pattern, after the [`qualifier`](Self::qualifier).
    #[must_use]
    pub fn parts(&self) -> &[PatternPart] {
        &self.parts
    }

    /// Whether `key` is meant.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        self.matches_qualified(key.qualified())
    }

    /// The same for a [`qualified`](Key::qualified) key.
    pub(crate) fn matches_qualified(&self, qualified: &str) -> bool {
        qualified
            .strip_prefix(self.qualifier())
            .is_some_and(|key| is_match(&self.parts, key))
    }
}

fn parse(pattern: &str) -> Vec<PatternPart> {
    let mut parts = Vec::new();
    let mut rest = pattern.chars();
    // Once one bracket is never closed, no later one is.
    let mut has_classes = true;
    while let Some(c) = rest.next() {
        let part = match c {
            // Two in a row mean the same as one.
            '*' if parts.last() == Some(&PatternPart::Any) => continue,
            '*' => PatternPart::Any,
            '?' => PatternPart::One,
            '[' if has_classes => match class(rest.as_str()) {
                Some((part, after)) => {
                    rest = after.chars();
                    part
                }
                None => {
                    has_classes = false;
                    PatternPart::Is('[')
                }
            },
            '\\' => PatternPart::Is(rest.next().unwrap_or('\\')),
            _ => PatternPart::Is(c),
        };
        parts.push(part);
    }
    parts
}

/// A class from behind its bracket to the closing one, and what follows.
fn class(pattern: &str) -> Option<(PatternPart, &str)> {
    let (negated, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut ranges = Vec::new();
    let mut rest = pattern.chars();
    loop {
        let from = match rest.next()? {
            ']' => return Some((PatternPart::In { ranges, negated }, rest.as_str())),
            '\\' => rest.next()?,
            c => c,
        };
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some('\\')) => ahead.next()?,
            (Some('-'), Some(to)) if to != ']' => to,
            _ => {
                ranges.push((from, from));
                continue;
            }
        };
        rest = ahead;
        ranges.push((from.min(to), from.max(to)));
    }
}

/// Tries the shortest run for each `*` and, where that fails later, lengthens the last one: at worst
/// the lengths of pattern and text multiplied, never more.
fn is_match(parts: &[PatternPart], text: &str) -> bool {
    let (mut part, mut rest) = (0, text);
    let mut last_any: Option<(usize, &str)> = None;
    loop {
        let mut chars = rest.chars();
        match (parts.get(part), chars.next()) {
            (Some(PatternPart::Any), _) => {
                last_any = Some((part + 1, rest));
                part += 1;
                continue;
            }
            (Some(one), Some(c)) if one.takes(c) => {
                part += 1;
                rest = chars.as_str();
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((after_any, run)) = last_any else {
            return false;
        };
        let mut longer = run.chars();
        if longer.next().is_none() {
            return false;
        }
        rest = longer.as_str();
        part = after_any;
        last_any = Some((after_any, rest));
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.full())
    }
}

impl From<&str> for Pattern {
    fn from(pattern: &str) -> Self {
        Self::new(pattern)
    }
}

impl From<String> for Pattern {
    fn from(pattern: String) -> Self {
        Self::new(pattern)
    }
}

impl From<&String> for Pattern {
    fn from(pattern: &String) -> Self {
        Self::new(pattern)
    }
}

impl From<&Pattern> for Pattern {
    fn from(pattern: &Pattern) -> Self {
        pattern.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_say() {
        for (pattern, matching, others) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "a:b"], &[]),
            (
                "user:*:profile",
                &["user:7:profile", "user::profile", "user:a:b:profile"],
                &["user:7", "user:7:profiles"],
            ),
            ("*a*b*c", &["abc", "aXbXcXc"], &["abcX", "acb"]),
            ("**", &["", "anything"], &[]),
            ("?", &["a", "é", "界"], &["", "ab"]),
            ("[a-c]x", &["ax", "bx", "cx"], &["dx", "-x", "x"]),
            ("[c-a]", &["b"], &["d"]),
            ("[^a-c]", &["d", "é"], &["a", ""]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[]", &[], &["", "]"]),
            ("[^]", &["a"], &[""]),
            (r"[\]\-\\]", &["]", "-", "\\"], &["["]),
            ("[à-é]", &["è"], &["e"]),
            (r"\*\?\[", &["*?["], &["abc"]),
            ("[ab", &["[ab"], &["a"]),
            (r"a\", &[r"a\"], &["a"]),
            ("a]", &["a]"], &["a"]),
        ] {
            let parsed = Pattern::new(pattern);
            for text in matching {
                assert!(
                    parsed.matches(&Key::new(text)),
                    "`{pattern}` means `{text}`"
                );
            }
            for text in others {
                assert!(
                    !parsed.matches(&Key::new(text)),
                    "`{pattern}` does not mean `{text}`"
                );
            }
        }
    }

    #[test]
    fn no_wildcard_crosses_a_namespace() {
        let all = Pattern::new("*");
        let shop = Pattern::new("*").in_namespace("shop");
        let inside = Key::new("a").in_namespace("shop");
        let outside = Key::new("shop:a");
        assert!(shop.matches(&inside) && !shop.matches(&outside));
        assert!(all.matches(&outside) && !all.matches(&inside));
        assert_eq!(Pattern::new("shop:*").qualifier(), ":");
        assert_eq!(shop.qualifier(), "shop:");
    }

    #[test]
    fn a_pattern_that_tries_everything_ends() {
        let pattern = Pattern::new("*a".repeat(2_000) + "b");
        assert!(!pattern.matches(&Key::new("a".repeat(4_000))));
    }
}
