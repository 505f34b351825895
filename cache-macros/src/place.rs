//! Where an attribute stands in its source file.
//!
//! An attribute gets the function and nothing of what is around it, so a function without `self` may
//! be free or belong to an `impl`. What is emitted never depends on what is read here: it is for a
//! message in place of the compiler's own about a struct in an `impl`.

use std::fs;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// What a function stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A module, or a block.
    Free,
    /// An `impl` or `trait`.
    Associated,
}

/// The place of the attribute at `span`, if its source can be read.
pub(crate) fn of(span: Span) -> Option<Place> {
    if !proc_macro::is_available() {
        // In this crate's own tests, which no compiler runs.
        return None;
    }
    let span = span.unwrap();
    if span.column() == 1 {
        // At the margin, where formatted code has no `impl` around it: spares reading the file.
        return None;
    }
    let source = fs::read_to_string(span.local_file()?).ok()?;
    let lines = source.split_inclusive('\n').take(span.line() - 1);
    let line: usize = lines.map(str::len).sum();
    let left = source.get(line..)?.chars().take(span.column() - 1);
    let at = line + left.map(char::len_utf8).sum::<usize>();
    // A file that is not what the compiler read says nothing.
    let is_here = source.get(at..)?.starts_with(&span.source_text()?);
    if is_here { around(&source, at) } else { None }
}

/// What is around the byte `at`.
fn around(source: &str, at: usize) -> Option<Place> {
    let (before, after) = source.split_at_checked(at)?;
    let marked = format!("{before} {HERE} {after}");
    find(TokenStream::from_str(&marked).ok()?, Place::Free)
}

/// Marks the place in a copy of the source.
const HERE: &str = "__larder_here";

fn find(tokens: TokenStream, place: Place) -> Option<Place> {
    // The word by which an item began whose braces are still to come.
    let mut item = None;
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == HERE => return Some(place),
            TokenTree::Ident(word) if item.is_none() => {
                let word = word.to_string();
                item = ["impl", "trait", "fn"]
                    .into_iter()
                    .find(|known| *known == word);
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => item = None,
            TokenTree::Group(group) => {
                let is_body = group.delimiter() == Delimiter::Brace;
                let inside = match (is_body, item) {
                    (true, Some("impl" | "trait")) => Place::Associated,
                    (true, _) => Place::Free,
                    (false, _) => place,
                };
                if let Some(found) = find(group.stream(), inside) {
                    return Some(found);
                }
                if is_body {
                    item = None;
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(source: &str) -> Option<Place> {
        around(source, source.find("@").expect("a place is marked"))
    }

    #[test]
    fn functions_of_types_and_traits_are_told_from_free_ones() {
        let associated = [
            "impl<T: Fn() -> u8> A for B<T> where T: Copy { fn a() -> impl C {} @ fn f() {} }",
            "pub(crate) trait A: B { const C: u8 = 1; @ fn f() {} }",
            "fn a() -> impl B { mod c { unsafe impl D for E { #[cfg_attr(x, @)] fn f() {} } } }",
            "macro_rules! a { ($b:ident) => { impl $b { @ fn f() {} } } }",
        ];
        for source in associated {
            assert_eq!(place(source), Some(Place::Associated), "{source}");
        }
        let free = [
            "@ fn f() {}",
            "impl A {} @ fn f() {}",
            "fn a(b: impl C) -> impl D { @ fn f() {} }",
            "impl A { fn a() -> impl B { @ fn f() {} } }",
            "trait A {} mod b { use c::{d}; @ fn f() {} }",
        ];
        for source in free {
            assert_eq!(place(source), Some(Place::Free), "{source}");
        }
    }
}
