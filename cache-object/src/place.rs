//! What objects are called: a key or scope as one part of a path that every server takes, whatever
//! is in it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use xxhash_rust::xxh3::xxh3_128;

/// Everything but what stands for itself in a URL, in a file's name and in a signature. The dot is
/// not among it, so nothing can be called `..`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The longest name of an object. Servers that keep objects as files take 255 bytes for a file's name,
/// and some put all of the path into that.
const LONGEST: usize = 96;

/// How many bytes of a name that is too long are left to list by.
const KEPT: usize = 48;

/// Separates what is left of a name from its hash. No escaped text has two of these in a row.
const HASHED: &str = "!!";

/// The name of the object for this text.
pub(crate) fn object(text: &str) -> String {
    let escaped = escape(text);
    match escaped.len() {
        0 => "!".to_owned(),
        1..=LONGEST => escaped,
        _ => format!(
            "{}{HASHED}{:032x}",
            &escaped[..KEPT],
            xxh3_128(text.as_bytes())
        ),
    }
}

/// What the names of all texts begin with that begin with this one.
pub(crate) fn beginning(text: &str) -> String {
    let mut escaped = escape(text);
    escaped.truncate(KEPT);
    escaped
}

/// The text that an object's name was made from; `None` if the name does not tell.
pub(crate) fn text(object: &str) -> Option<String> {
    if object == "!" {
        return Some(String::new());
    }
    if object.contains(HASHED) || object.contains('%') {
        return None;
    }
    let encoded = object.replace('!', "%");
    let text = percent_decode_str(&encoded).decode_utf8().ok()?;
    Some(text.into_owned()).filter(|text| escape(text) == object)
}

/// Whether an object of ours could be called so.
pub(crate) fn is_object(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '!');
    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_plain)
}

/// Percent-encoding with a `!` in place of the `%`, which would be encoded again on its way.
fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED)
        .to_string()
        .replace('%', "!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_text() {
        for (plain, name) in [
            (":user:7", "!3Auser!3A7"),
            ("", "!"),
            ("!", "!21"),
            ("!!", "!21!21"),
            ("%2F", "!252F"),
            ("../../etc/passwd", "!2E!2E!2F!2E!2E!2Fetc!2Fpasswd"),
            ("a\0b\n", "a!00b!0A"),
            ("ключ", "!D0!BA!D0!BB!D1!8E!D1!87"),
            ("Aa-_.", "Aa-_!2E"),
        ] {
            assert_eq!(object(plain), name);
            assert_eq!(text(name).as_deref(), Some(plain));
            assert!(is_object(name));
        }
    }

    #[test]
    fn a_text_of_any_length_has_a_name_of_its_own() {
        let long = "k".repeat(LONGEST);
        assert_eq!(text(&object(&long)), Some(long.clone()));
        let [one, two] = ["1", "2"].map(|end| object(&format!("{}{end}", "k".repeat(10_000))));
        assert_ne!(one, two);
        assert!(is_object(&one) && one.starts_with(&beginning(&long)));
        assert_eq!(text(&one), None);
    }

    #[test]
    fn the_beginning_of_a_text_is_the_beginning_of_its_name() {
        let text = "пользователь:".repeat(100);
        for (end, _) in text.char_indices() {
            assert!(object(&text).starts_with(&beginning(&text[..end])));
            assert!(object(&text[..end]).len() <= LONGEST);
        }
    }

    #[test]
    fn what_we_would_not_write_tells_nothing() {
        for name in ["!", "!3a", "!3", "a.b", "a/b", "!41", "!FF", "%41", "a!!b"] {
            assert_eq!(text(name), (name == "!").then(String::new), "{name}");
        }
        for name in ["", "a/b", "..", "a b", "ä", &"a".repeat(97)] {
            assert!(!is_object(name), "{name}");
        }
    }
}
