//! Templates: `"user:{id}:{filter.page}"`, with `<id>` as another way to write `{id}`.

use std::ops::Range;

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Index, LitStr, Member};

use crate::errors::{Errors, did_you_mean};

/// A template whose syntax was read.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Clone)]
pub(crate) enum Piece {
    /// Literal text, with doubled braces already made single.
    Text(String),
    Hole(Hole),
}

/// A placeholder: an argument, or a field of one.
#[derive(Clone)]
pub(crate) struct Hole {
    /// The argument's name, `self` or `ret`.
    pub(crate) root: String,
    pub(crate) members: Vec<Member>,
    pub(crate) format: Format,
    /// Where it is in the text, braces included.
    range: Range<usize>,
}

/// How a placeholder's value is written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    /// `{id:08}`, `{id:x}`: digits, as `format!` writes them.
    Digits(String),
    /// `{email:hash}`
    Hash,
    /// `{ids:join}`
    Join,
}

impl Format {
    /// What stands behind the colon. Only what keeps different values apart.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "hash" => return Some(Self::Hash),
            "join" => return Some(Self::Join),
            _ => {}
        }
        let digits = text.strip_suffix(['x', 'X', 'o', 'b']).unwrap_or(text);
        let width = digits.strip_prefix('0');
        let is_width = width.is_some_and(|width| matches!(width.parse(), Ok(1..=99_u8)));
        let is_digits = is_width || (digits.is_empty() && !text.is_empty());
        is_digits.then(|| Self::Digits(text.to_owned()))
    }

    /// As it is written behind the name.
    fn canonical(&self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Digits(format) => format!(":{format}"),
            Self::Hash => ":hash".to_owned(),
            Self::Join => ":join".to_owned(),
        }
    }
}

impl Hole {
    /// An argument as a whole, in a template that is generated.
    pub(crate) fn plain(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            members: Vec::new(),
            format: Format::Plain,
            range: 0..0,
        }
    }

    /// As it is written with braces: `{filter.page}`.
    pub(crate) fn canonical(&self) -> String {
        let mut text = format!("{{{}", self.root);
        for member in &self.members {
            match member {
                Member::Named(name) => text.push_str(&format!(".{}", name.unraw())),
                Member::Unnamed(index) => text.push_str(&format!(".{}", index.index)),
            }
        }
        text.push_str(&self.format.canonical());
        text.push('}');
        text
    }
}

impl Template {
    /// Reads a template. What is wrong is reported; what can be read is kept.
    pub(crate) fn parse(literal: &LitStr, errors: &mut Errors) -> Self {
        let text = literal.value();
        let mut reader = Reader {
            literal,
            text: &text,
            pieces: Vec::new(),
            errors,
        };
        reader.read();
        let pieces = reader.pieces;
        let template = Self {
            literal: literal.clone(),
            pieces,
        };
        template.check_separators(errors);
        template
    }

    /// A template that is all literal text and placeholders of plain names, for what is generated.
    pub(crate) fn generated(span: Span, pieces: Vec<Piece>) -> Self {
        let template = Self {
            literal: LitStr::new("", span),
            pieces,
        };
        Self {
            literal: LitStr::new(&template.canonical(), span),
            ..template
        }
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Text(_) => None,
        })
    }

    /// Where a placeholder is, as closely as the compiler tells.
    pub(crate) fn span_of(&self, hole: &Hole) -> Span {
        span_within(&self.literal, &hole.range)
    }

    /// The template with every placeholder in braces: one spelling for each meaning.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => {
                    text.push_str(&literal.replace('{', "{{").replace('}', "}}"));
                }
                Piece::Hole(hole) => text.push_str(&hole.canonical()),
            }
        }
        text
    }

    /// Two values with nothing between them could be cut at another place.
    fn check_separators(&self, errors: &mut Errors) {
        for pair in self.pieces.windows(2) {
            if let [Piece::Hole(left), Piece::Hole(right)] = pair {
                let (left_name, right_name) = (left.canonical(), right.canonical());
                errors.at(
                    self.span_of(right),
                    format!(
                        "nothing separates `{left_name}` and `{right_name}`: put a `:` between them"
                    ),
                );
            }
        }
    }
}

/// The part of a literal, where the compiler can tell; else all of it.
fn span_within(literal: &LitStr, range: &Range<usize>) -> Span {
    let token = literal.token();
    // Only without escapes and raw marks do the text and its source agree.
    let is_verbatim = token.to_string() == format!("\"{}\"", literal.value());
    let part = is_verbatim
        .then(|| token.subspan(range.start + 1..range.end + 1))
        .flatten();
    part.unwrap_or_else(|| literal.span())
}

struct Reader<'a> {
    literal: &'a LitStr,
    text: &'a str,
    pieces: Vec<Piece>,
    errors: &'a mut Errors,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(character) = self.text[at..].chars().next() {
            let end = at + character.len_utf8();
            at = match character {
                '{' | '}' | '<' | '>' if self.text[end..].starts_with(character) => {
                    self.push_text(character);
                    end + 1
                }
                '{' => self.read_hole(at, '}'),
                '<' => self.read_hole(at, '>'),
                '}' | '>' => {
                    let message = format!(
                        "a lone `{character}`: write `{character}{character}` for the character itself"
                    );
                    self.complain(at..end, message);
                    end
                }
                other => {
                    self.push_text(other);
                    end
                }
            };
        }
    }

    /// Reads a placeholder that opens at `start`; returns where the text goes on.
    fn read_hole(&mut self, start: usize, close: char) -> usize {
        let open = if close == '}' { '{' } else { '<' };
        let content_start = start + 1;
        let length = self.text[content_start..].find([close, open]);
        let Some(length) = length.filter(|&at| self.text[content_start + at..].starts_with(close))
        else {
            let message = format!(
                "`{open}` opens a placeholder that nothing closes: add `{close}`, or write \
                 `{open}{open}` for the character itself"
            );
            self.complain(start..content_start, message);
            return content_start;
        };
        let end = content_start + length + 1;
        let content = &self.text[content_start..end - 1];
        let (path, format) = match content.split_once(':') {
            Some((path, format)) => (path, Format::parse(format.trim())),
            None => (content, Some(Format::Plain)),
        };
        match parse_path(path.trim()) {
            Some((root, members)) => {
                if format.is_none() {
                    self.complain(start..end, unknown_format(content));
                }
                self.pieces.push(Piece::Hole(Hole {
                    root,
                    members,
                    format: format.unwrap_or(Format::Plain),
                    range: start..end,
                }));
            }
            None if content.trim().is_empty() => {
                let message =
                    format!("a placeholder needs the name of an argument, as in `{open}id{close}`");
                self.complain(start..end, message);
            }
            None => {
                let message = format!(
                    "`{open}{content}{close}` is no placeholder: it takes an argument or a field of \
                     one, as in `{open}id{close}` or `{open}user.id{close}`"
                );
                self.complain(start..end, message);
            }
        }
        end
    }

    fn push_text(&mut self, character: char) {
        if let Some(Piece::Text(text)) = self.pieces.last_mut() {
            text.push(character);
        } else {
            self.pieces.push(Piece::Text(character.to_string()));
        }
    }

    fn complain(&mut self, range: Range<usize>, message: String) {
        self.errors.at(span_within(self.literal, &range), message);
    }
}

/// What to write instead of the format in `id:>8`.
fn unknown_format(content: &str) -> String {
    let format = content
        .split_once(':')
        .map_or("", |(_, format)| format.trim());
    match did_you_mean(format, ["hash", "join"]) {
        hint if !hint.is_empty() => format!("unknown format `{format}`{hint}"),
        _ => format!(
            "`{format}` is no format that keeps different values apart: there are `08` and `x` for \
             integers, `hash` for what is long, and `join` for lists"
        ),
    }
}

/// `filter.page`, `point.0`.
fn parse_path(path: &str) -> Option<(String, Vec<Member>)> {
    let mut segments = path.split('.');
    let root = segments.next()?;
    let root = root.strip_prefix("r#").unwrap_or(root);
    if !is_name(root) {
        return None;
    }
    let members = segments
        .map(|segment| {
            if segment.bytes().all(|byte| byte.is_ascii_digit()) {
                segment.parse().ok().map(|index: u32| {
                    Member::Unnamed(Index {
                        index,
                        span: Span::call_site(),
                    })
                })
            } else {
                // Keywords can be fields, as raw identifiers.
                let name =
                    syn::parse_str(segment).or_else(|_| syn::parse_str(&format!("r#{segment}")));
                name.ok().map(Member::Named)
            }
        })
        .collect::<Option<_>>()?;
    Some((root.to_owned(), members))
}

/// Whether it could be an argument's name. Keywords can, as raw identifiers.
fn is_name(name: &str) -> bool {
    syn::parse_str::<proc_macro2::Ident>(name).is_ok()
        || name == "self"
        || syn::parse_str::<proc_macro2::Ident>(&format!("r#{name}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let mut errors = Errors::default();
        let template = Template::parse(&LitStr::new(text, Span::call_site()), &mut errors);
        if errors.is_empty() {
            Ok(template.canonical())
        } else {
            Err(errors.into_tokens().to_string())
        }
    }

    #[test]
    fn both_spellings_are_one_placeholder() {
        assert_eq!(read("user:<id>:{name}"), Ok("user:{id}:{name}".into()));
        assert_eq!(read("<a.b>-{self.c.0}"), Ok("{a.b}-{self.c.0}".into()));
        assert_eq!(read("{type}"), Ok("{type}".into()));
    }

    #[test]
    fn a_format_stands_behind_a_colon() {
        assert_eq!(
            read("<a.b:hash>:{c: join }"),
            Ok("{a.b:hash}:{c:join}".into())
        );
        assert_eq!(
            read("{a:08}:{b:x}:{c:016X}"),
            Ok("{a:08}:{b:x}:{c:016X}".into())
        );
    }

    #[test]
    fn doubled_characters_stand_for_themselves() {
        assert_eq!(read("{{a}}<<b>>"), Ok("{{a}}<b>".into()));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in [
            "{", "{a", "a}", "a->b", "{}", "{a b}", "{a:8}", "{a:}", "{a:?}", "{a:.2}", "{a:>08}",
            "{a:hsah}", "{a}{b}", "<a>{b}", "{a{b}}", "{1}", "{:x}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
