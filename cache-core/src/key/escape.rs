//! Escaping: no value can leave its place in a key.
//!
//! A value keeps its ASCII letters, digits, `-`, `_`, `.`, `~`, `@`, `+` and everything outside
//! ASCII; any other character becomes `%XX`. In a template, the character that follows a
//! placeholder is escaped in the value too (`{org}-{id}` escapes `-` in `org`), and a literal `%`
//! is written `%%`; so the rendered text can be read back in one way only.

use std::fmt::Write as _;

/// Whether `character` never stands for itself in a value.
#[must_use]
#[inline]
pub(crate) const fn always_escaped(character: char) -> bool {
    character.is_ascii()
        && !character.is_ascii_alphanumeric()
        && !matches!(character, '-' | '_' | '.' | '~' | '@' | '+')
}

/// The text that a template puts for `value`: use it where a key is built by hand.
///
/// ```
/// use larder::escape;
///
/// assert_eq!(escape("ada@example.org"), "ada@example.org");
/// assert_eq!(escape("7:profile"), "7%3Aprofile");
/// ```
#[must_use]
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    write_escaped(value, None, &mut |text| out.push_str(text));
    out
}

/// Hands the escaped text of `value` to `push`, in as few pieces as there are escapes.
#[inline]
pub(super) fn write_escaped(value: &str, before: Option<char>, push: &mut impl FnMut(&str)) {
    let mut plain_from = 0;
    for (at, character) in value.char_indices() {
        if always_escaped(character) || before == Some(character) {
            push(&value[plain_from..at]);
            push_hex(character, push);
            plain_from = at + character.len_utf8();
        }
    }
    push(&value[plain_from..]);
}

#[cold]
fn push_hex(character: char, push: &mut impl FnMut(&str)) {
    let mut utf8 = [0; 4];
    for byte in character.encode_utf8(&mut utf8).bytes() {
        let mut hex = arrayvec::ArrayString::<3>::new();
        // Three characters always fit.
        let _ = write!(hex, "%{byte:02X}");
        push(&hex);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_escaped_and_text_is_kept() {
        assert_eq!(
            escape("a:b/c*d?e[f]{g}\0\n "),
            "a%3Ab%2Fc%2Ad%3Fe%5Bf%5D%7Bg%7D%00%0A%20"
        );
        assert_eq!(escape("Zoë_1.2-3~@+"), "Zoë_1.2-3~@+");
        assert_eq!(escape("100%"), "100%25");
    }

    #[test]
    fn the_following_character_is_escaped_too() {
        let mut out = String::new();
        write_escaped("a-é-b", Some('-'), &mut |text| out.push_str(text));
        assert_eq!(out, "a%2Dé%2Db");
        out.clear();
        write_escaped("aéb", Some('é'), &mut |text| out.push_str(text));
        assert_eq!(out, "a%C3%A9b");
    }
}
