//! "Did you mean": the known name that a word is a slip for.

/// Longer words are no slips, and would cost time to compare.
const LONGEST: usize = 64;

/// More letters out of place make another word of any.
const MOST: usize = 2;

/// `: did you mean `name`?` when one of `known` is close to `word`, else nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, known) {
        Some(name) => format!(": did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The one of `known` that `word` is most likely a slip for.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(word, name);
            // `certificates` for `root_certificates` is as likely a slip as a letter out of place.
            let is_part =
                word.len().min(name.len()) >= 3 && (name.contains(word) || word.contains(name));
            let distance = if is_part {
                distance.min(MOST)
            } else {
                distance
            };
            (distance, is_part, name)
        })
        .filter(|(distance, is_part, name)| *is_part || *distance <= slips_in(name))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., name)| name)
}

/// Whether a word is this name, misspelled or in other letters.
pub(super) fn is_slip(word: &str, name: &str) -> bool {
    let is_near = |word: &str| strsim::damerau_levenshtein(word, name) <= slips_in(name);
    word != name && word.len() <= LONGEST && is_near(&word.to_ascii_lowercase())
}

/// How many letters may be out of place before it is another word: one in three.
fn slips_in(name: &str) -> usize {
    (name.len() / 3).min(MOST)
}

/// `a, b or c`, each in backticks.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Whether a text may be an address, wherever it stands, and so have a password in it.
pub(super) fn may_be_address(text: &str) -> bool {
    text.contains("://") || text.contains('@')
}

/// A word as it may be shown: short, without control characters, and nothing of an address.
pub(super) fn shown(word: &str) -> String {
    const SHOWN: usize = 40;
    if may_be_address(word) {
        return "…".to_owned();
    }
    let mut shown: String = word
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if word.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_strangers_are_not() {
        let known = ["ttl", "max_entries", "root_certificates"];
        assert_eq!(nearest("tll", known), Some("ttl"));
        assert_eq!(nearest("max_entires", known), Some("max_entries"));
        assert_eq!(nearest("certificates", known), Some("root_certificates"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("tx", known), None);
        assert_eq!(nearest("nil", ["none", "json"]), None);
        assert_eq!(nearest(&"ttl".repeat(1_000_000), known), None);
    }

    #[test]
    fn a_name_with_more_to_it_is_no_slip() {
        for slip in ["defualt", "Default", "defaults", "DEFUALT", "fault"] {
            assert!(is_slip(slip, "default"), "{slip}");
        }
        for other in ["default", "default-eu", "sessions", ""] {
            assert!(!is_slip(other, "default"), "{other}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_printable_and_no_address() {
        assert_eq!(shown("a\n\u{1b}[31m"), "a\\n\\u{1b}[31m");
        assert_eq!(shown(&"x".repeat(1_000)), format!("{}…", "x".repeat(40)));
        assert_eq!(shown("redis://localhost"), "…");
        assert_eq!(shown("ada:hunter2@localhost"), "…");
        // Where it is cut off is not where it is looked at.
        assert_eq!(shown(&format!("{}@localhost", "x".repeat(1_000))), "…");
    }
}
