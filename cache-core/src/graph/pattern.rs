//! What texts a template can be rendered to, and whether two templates share one.
//!
//! A template is a small automaton. Values are escaped on their way in (see
//! [`escape`](crate::escape)), so a placeholder is not a wildcard: it never holds a `:`, nor the
//! character that follows it, but as `%XX`.

use crate::key::always_escaped;

/// A template as start-up compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What can be read in each state, and which state that leads to.
    states: Vec<Vec<(Class, usize)>>,
    /// The state at the end.
    end: usize,
    /// The text before the first placeholder.
    prefix: String,
}

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Is(char),
    /// What a value keeps as it is, without the character that ends it.
    Plain {
        except: Option<char>,
    },
    Hex,
    Digit,
}

/// What is known of the values of placeholders by their names, and how the others are taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Values<'n> {
    pub(super) integers: &'n [&'n str],
    pub(super) texts: &'n [&'n str],
    /// Whether a value of which nothing is known is like no literal text, only like other values. Else
    /// it may be like any.
    pub(super) are_strange: bool,
}

/// A value of which nothing is known, where it is taken as strange. No key has it: it is escaped.
const STRANGE: char = '\0';

/// In what a template is rendered: literal text is written differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    KeyOrTag,
    Namespace,
}

/// A piece of a template as it is registered: with every placeholder in braces.
enum Piece<'t> {
    Text(String),
    /// What is between the braces.
    Hole(&'t str),
}

impl Pattern {
    /// Reads a template.
    pub(super) fn new(template: &str, values: Values<'_>, place: Place) -> Self {
        let pieces = pieces(template);
        let has_holes = pieces.iter().any(|piece| matches!(piece, Piece::Hole(_)));
        let mut pattern = Self {
            states: vec![Vec::new()],
            end: 0,
            prefix: String::new(),
        };
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    let text = match place {
                        Place::KeyOrTag => text.replace('%', "%%"),
                        // Beside placeholders it needs no escapes: the macros see to that.
                        Place::Namespace if has_holes => text.clone(),
                        Place::Namespace => crate::key::escape(text),
                    };
                    if at == 0 {
                        pattern.prefix.clone_from(&text);
                    }
                    text.chars()
                        .for_each(|character| pattern.literal(character));
                }
                Piece::Hole(name) => {
                    let next = match pieces.get(at + 1) {
                        Some(Piece::Text(text)) => text.chars().next(),
                        _ => None,
                    };
                    if values.integers.contains(name) {
                        pattern.integer(next);
                    } else if values.are_strange && !values.texts.contains(name) {
                        pattern.literal(STRANGE);
                    } else {
                        pattern.value(next);
                    }
                }
            }
        }
        pattern
    }

    /// Whether some text is a rendering of both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        if !self.prefix.starts_with(&other.prefix) && !other.prefix.starts_with(&self.prefix) {
            return false;
        }
        let mut seen = vec![false; self.states.len() * other.states.len()];
        let mut open = vec![(0, 0)];
        while let Some((here, there)) = open.pop() {
            if (here, there) == (self.end, other.end) {
                return true;
            }
            let at = here * other.states.len() + there;
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            for (class, next) in &self.states[here] {
                for (other_class, other_next) in &other.states[there] {
                    if class.meets(*other_class) {
                        open.push((*next, *other_next));
                    }
                }
            }
        }
        false
    }

    fn literal(&mut self, character: char) {
        let next = self.add_state();
        self.states[self.end].push((Class::Is(character), next));
        self.end = next;
    }

    /// Any number of characters, `%XX`, `%-` for what is absent, and `%,` between the values of a list:
    /// where it begins it may end.
    fn value(&mut self, before: Option<char>) {
        let (escape, digit) = (self.add_state(), self.add_state());
        let value = self.end;
        let plain = Class::Plain {
            except: before.filter(|before| !always_escaped(*before)),
        };
        let strange = Class::Is(STRANGE);
        self.states[value].extend([(plain, value), (strange, value), (Class::Is('%'), escape)]);
        self.states[escape].extend([
            (Class::Is('-'), value),
            (Class::Is(','), value),
            (Class::Hex, digit),
        ]);
        self.states[digit].push((Class::Hex, value));
    }

    /// `7`, `-7`; where a `-` follows, `%2D7`.
    fn integer(&mut self, before: Option<char>) {
        let (digits, signed) = (self.add_state(), self.add_state());
        let start = self.end;
        if before == Some('-') {
            let (two, letter) = (self.add_state(), self.add_state());
            self.states[start].push((Class::Is('%'), two));
            self.states[two].push((Class::Is('2'), letter));
            self.states[letter].push((Class::Is('D'), signed));
        } else {
            self.states[start].push((Class::Is('-'), signed));
        }
        self.states[start].push((Class::Is(STRANGE), digits));
        for state in [start, signed, digits] {
            self.states[state].push((Class::Digit, digits));
        }
        self.end = digits;
    }

    fn add_state(&mut self) -> usize {
        self.states.push(Vec::new());
        self.states.len() - 1
    }
}

impl Class {
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Is(character), class) | (class, Self::Is(character)) => class.has(character),
            // Each of them has more characters than the others leave out.
            (
                Self::Plain { .. } | Self::Hex | Self::Digit,
                Self::Plain { .. } | Self::Hex | Self::Digit,
            ) => true,
        }
    }

    fn has(self, character: char) -> bool {
        match self {
            Self::Is(other) => character == other,
            Self::Plain { except } => !always_escaped(character) && except != Some(character),
            Self::Hex => matches!(character, '0'..='9' | 'A'..='F'),
            Self::Digit => character.is_ascii_digit(),
        }
    }
}

/// The template without the names in it: templates that are equal so are the same tag or key.
pub(super) fn without_names(template: &str) -> String {
    let pieces = pieces(template);
    let each = pieces.iter().map(|piece| match piece {
        // A literal brace stays doubled, so that it is not taken for a placeholder.
        Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
        Piece::Hole(_) => "{}".to_owned(),
    });
    each.collect()
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let hole = (character == '{' && !after.starts_with('{'))
            .then(|| after.split_once('}'))
            .flatten();
        if let Some((name, after)) = hole {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Hole(name));
            rest = after;
        } else {
            text.push(character);
            let is_doubled = matches!(character, '{' | '}') && after.starts_with(character);
            rest = if is_doubled { &after[1..] } else { after };
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, KeyWriter};

    fn pattern(template: &str) -> Pattern {
        let values = Values {
            integers: &["n", "m"],
            ..Values::default()
        };
        Pattern::new(template, values, Place::KeyOrTag)
    }

    fn overlap(left: &str, right: &str) -> bool {
        let (left, right) = (pattern(left), pattern(right));
        let found = left.overlaps(&right);
        assert_eq!(found, right.overlaps(&left));
        assert!(left.overlaps(&left) && right.overlaps(&right));
        found
    }

    #[test]
    fn the_name_of_a_placeholder_does_not_matter() {
        assert!(overlap("user:{id}", "user:{ret.id}"));
        assert!(overlap("user:{id}", "user:{user_id}"));
        assert!(overlap("{a}:{b}", "user:{id}"));
        assert!(overlap("users", "users"));
    }

    #[test]
    fn a_value_stays_in_its_place() {
        for (left, right) in [
            ("user:{id}", "users"),
            ("user:{id}", "user:{id}:profile"),
            ("user:{id}", "users:{id}"),
            ("user:{id}", "user"),
            ("{a}:{b}", "{a}:{b}:{c}"),
            ("{a}", "{a}/{b}"),
            ("{a}-x", "y-z-x"),
            ("é{a}é", "éaéé"),
            ("a:{a}", "a:100%"),
        ] {
            assert!(!overlap(left, right), "{left} and {right}");
        }
    }

    #[test]
    fn a_value_may_hold_what_does_not_end_it() {
        for (left, right) in [
            ("v1:{a}-{b}", "v1:{a}"),
            ("v1:{a}-{b}", "v1:x-y-z"),
            ("user:{name}", "user:all"),
            ("user:{name}", "user:"),
            ("{a}.x", "x.{b}"),
            ("{a}%", "{b}%"),
            ("{{{a}}}", "{{x}}"),
        ] {
            assert!(overlap(left, right), "{left} and {right}");
        }
    }

    #[test]
    fn an_integer_is_no_word() {
        assert!(!overlap("user:{n}", "user:all"));
        assert!(!overlap("user:{n}", "user:"));
        assert!(!overlap("user:{n}", "user:-"));
        assert!(overlap("user:{n}", "user:-7"));
        assert!(overlap("user:{n}", "user:{name}"));
        assert!(overlap("{n}-{m}", "{name}-{m}"));
        assert!(!overlap("{n}-{m}", "7-x"));
    }

    #[test]
    fn a_strange_value_is_like_another_value_and_like_no_word() {
        let values = Values {
            integers: &["n"],
            texts: &["text"],
            are_strange: true,
        };
        let overlap = |left, right| {
            let [left, right] =
                [left, right].map(|text| Pattern::new(text, values, Place::KeyOrTag));
            left.overlaps(&right)
        };
        for same in ["user:{other}", "user:{n}", "user:{text}"] {
            assert!(overlap("user:{id}", same), "{same}");
        }
        for other in ["user:all", "user:7", "user:{id}:{n}"] {
            assert!(!overlap("user:{id}", other), "{other}");
        }
        assert!(overlap("user:{text}", "user:all"));
        assert!(overlap("user:{text}", "user:{a}-{b}"));
        assert!(!overlap("user:{id}", "user:{a}-{b}"));
    }

    #[test]
    fn a_namespace_is_escaped_as_a_whole() {
        let namespace = |template| Pattern::new(template, Values::default(), Place::Namespace);
        assert!(namespace("a:b").overlaps(&namespace("{tenant}")));
        assert!(!namespace("tenant-{a}").overlaps(&namespace("{tenant}-x-y-z:")));
    }

    #[test]
    fn names_are_left_out_and_braces_are_kept() {
        assert_eq!(without_names("user:{ret.id}:{{x}}"), "user:{}:{{x}}");
        assert_ne!(without_names("{{}}"), without_names("{a}"));
    }

    /// What a template of these pieces renders to, with these values, as the macros' code does it.
    fn render(pieces: &[Option<&str>], values: &[&str]) -> String {
        let mut values = values.iter();
        let write = |out: &mut KeyWriter<'_>| {
            for (at, piece) in pieces.iter().enumerate() {
                let next = pieces.get(at + 1).copied().flatten();
                match (piece, next.and_then(|text| text.chars().next())) {
                    (Some(text), _) => out.text(&text.replace('%', "%%")),
                    (None, before) => {
                        let value = values.next().copied().filter(|value| *value != "none");
                        match before {
                            Some(before) => out.value_before(value, before),
                            None => out.value(value),
                        }
                    }
                }
            }
        };
        Key::render(write).as_str().to_owned()
    }

    /// Every small template against every other one, and against what they render to.
    #[test]
    fn patterns_overlap_exactly_where_renderings_agree() {
        let mut values: Vec<String> = vec![String::new(), "none".to_owned()];
        for (characters, length) in [("a-", 4), ("a-%:", 2)] {
            let mut ends = vec![String::new()];
            for _ in 0..length {
                let longer = ends.iter();
                ends = longer
                    .flat_map(|end| characters.chars().map(move |next| format!("{end}{next}")))
                    .collect();
                values.extend(ends.iter().cloned());
            }
        }
        let texts = ["a", "-", ":", "%", "a-"];
        let mut templates: Vec<Vec<Option<&str>>> = vec![vec![None]];
        for text in texts {
            templates.push(vec![Some(text)]);
            templates.push(vec![Some(text), None]);
            templates.push(vec![None, Some(text)]);
            templates.push(vec![None, Some(text), None]);
            for other in texts {
                templates.push(vec![Some(text), None, Some(other)]);
            }
        }
        let rendered: Vec<_> = templates
            .iter()
            .map(|pieces| {
                let each = values
                    .iter()
                    .flat_map(|first| values.iter().map(move |second| [&**first, &**second]));
                let texts: std::collections::BTreeSet<String> =
                    each.map(|values| render(pieces, &values)).collect();
                let template: String = pieces.iter().map(|piece| piece.unwrap_or("{x}")).collect();
                (pattern(&template), template, texts)
            })
            .collect();
        for (left, left_name, left_texts) in &rendered {
            for (right, right_name, right_texts) in &rendered {
                let common = left_texts.intersection(right_texts).next();
                assert_eq!(
                    left.overlaps(right),
                    common.is_some(),
                    "{left_name} and {right_name}: {common:?}"
                );
            }
        }
    }
}
