//! The parts of a store that are ours: `prefix/version/slots` and `prefix/version/generations`.

use larder_core::blobs::Name;
use larder_core::store::{Family, OWN_SCOPE};
use larder_core::{Pattern, PatternPart};

use crate::error::ConnectError;

/// What every name in a store begins with.
#[derive(Debug, Clone)]
pub(crate) struct Keyspace {
    pub(crate) prefix: String,
    pub(crate) version: String,
}

impl Default for Keyspace {
    fn default() -> Self {
        Self {
            prefix: "larder".to_owned(),
            version: "v1".to_owned(),
        }
    }
}

impl Keyspace {
    /// `prefix/version`.
    pub(crate) fn base(&self) -> String {
        format!("{}/{}", self.prefix, self.version)
    }

    /// What is wrong with prefix and version.
    pub(crate) fn check(&self) -> Vec<ConnectError> {
        [("prefix", &self.prefix), ("version", &self.version)]
            .into_iter()
            .filter(|(_, text)| !is_plain(text))
            .map(|(what, text)| ConnectError::Name {
                what,
                text: shown(text),
            })
            .collect()
    }
}

/// Whether a text can be one part of a path on every server and disk.
fn is_plain(text: &str) -> bool {
    const LONGEST: usize = 100;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST).contains(&text.len()) && !text.starts_with('.') && text.chars().all(is_plain)
}

/// A text of the configuration as it may be shown: short, without control characters, and not at all
/// if it may be an address.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.contains("://") || text.contains('@') {
        return "…".to_owned();
    }
    let shown = text.chars().take(SHOWN).flat_map(char::escape_debug);
    let more = text.chars().nth(SHOWN).map(|_| '…');
    shown.chain(more).collect()
}

/// Which of the two folders a blob is in.
pub(crate) fn folder(name: Name<'_>) -> &'static str {
    match name {
        Name::Slot(_) => SLOTS,
        Name::Generation(_) => GENERATIONS,
    }
}

pub(crate) const SLOTS: &str = "slots";
pub(crate) const GENERATIONS: &str = "generations";

/// What a scan goes through: blobs in one folder whose names begin alike.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) folder: &'static str,
    /// What the key or scope begins with.
    pub(crate) beginning: String,
    family: Family,
}

impl Range {
    /// Where the keys are that a pattern means.
    pub(crate) fn of(family: Family, pattern: &Pattern) -> Self {
        let (folder, own) = match family {
            Family::Slots => (SLOTS, ""),
            Family::OwnScopes => (GENERATIONS, OWN_SCOPE),
        };
        let literal = pattern.parts().iter().map_while(|part| match part {
            PatternPart::Is(c) => Some(*c),
            _ => None,
        });
        let mut beginning = format!("{own}{}", pattern.qualifier());
        beginning.extend(literal);
        Self {
            folder,
            beginning,
            family,
        }
    }

    /// The key that a blob of this name belongs to, if it is meant.
    pub(crate) fn key(&self, name: String) -> Option<String> {
        if !name.starts_with(&self.beginning) {
            return None;
        }
        match self.family {
            Family::Slots => Some(name),
            Family::OwnScopes => name.strip_prefix(OWN_SCOPE).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_begins_where_its_pattern_is_literal() {
        for (pattern, slots, scopes) in [
            (Pattern::new("*"), ":", "key::"),
            (Pattern::new("user:*:name"), ":user:", "key::user:"),
            (Pattern::everywhere(), "", "key:"),
            (
                Pattern::new("a*").in_namespace("shop"),
                "shop:a",
                "key:shop:a",
            ),
        ] {
            let range = Range::of(Family::Slots, &pattern);
            assert_eq!((range.folder, &*range.beginning), (SLOTS, slots));
            let range = Range::of(Family::OwnScopes, &pattern);
            assert_eq!((range.folder, &*range.beginning), (GENERATIONS, scopes));
            let scope = format!("{scopes}rest");
            assert_eq!(range.key(scope).as_deref(), Some(&*format!("{slots}rest")));
            assert_eq!(range.key("tag:users".to_owned()), None);
        }
    }

    #[test]
    fn a_prefix_is_one_part_of_a_path() {
        let mistakes = |prefix: &str| {
            let version = "v1".to_owned();
            let prefix = prefix.to_owned();
            Keyspace { prefix, version }.check().len()
        };
        for prefix in ["shop", "a.b-c_D9"] {
            assert_eq!(mistakes(prefix), 0);
        }
        for prefix in ["", ".", "..", "a/b", "a b", "ä", "~", &"a".repeat(101)] {
            assert_eq!(mistakes(prefix), 1, "{prefix}");
        }
        assert_eq!(shown("s3://key:secret@host"), "…");
    }
}
