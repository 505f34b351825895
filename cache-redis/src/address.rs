//! Addresses: what is shown of a URL never includes what is secret in it.

use percent_encoding::percent_decode_str;
use url::Url;

/// The URL as it may be shown: without user, password and query.
pub(crate) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !is_misread(&parsed) => {
            // Both fail only for URLs that cannot have them.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.set_query(None);
            parsed.set_fragment(None);
            parsed.into()
        }
        // What stands before an `@` may be a password, and what stands after a `?` may be one, too.
        _ => match url.rsplit_once('@') {
            Some((before, _)) if before.contains(['?', '#']) => "…".to_owned(),
            Some((_, rest)) => format!("…@{}", without_query(rest)),
            None => without_query(url).to_owned(),
        },
    }
}

/// Whether the URL has an `@` behind the host: then a `/`, `?` or `#` in a password has ended what was
/// taken for the host.
fn is_misread(url: &Url) -> bool {
    let rest = [Some(url.path()), url.query(), url.fragment()];
    rest.into_iter().flatten().any(|part| part.contains('@'))
}

/// A prefix or version as it may be shown: short, without control characters, and not at all if it
/// may be an address.
pub(crate) fn name_shown(name: &str) -> String {
    const SHOWN: usize = 40;
    if name.contains("://") || name.contains('@') {
        return "…".to_owned();
    }
    let shown = name.chars().take(SHOWN).flat_map(char::escape_debug);
    let more = name.chars().nth(SHOWN).map(|_| '…');
    shown.chain(more).collect()
}

fn without_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or(text)
}

/// Everything in the URL that must not be shown, longest first.
pub(crate) fn secrets(url: &str) -> Vec<String> {
    let Ok(parsed) = Url::parse(url) else {
        return Vec::new();
    };
    let mut secrets: Vec<String> = parsed.password().map(str::to_owned).into_iter().collect();
    // As it is in the URL, and as it is sent.
    secrets.extend(
        parsed
            .password()
            .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned()),
    );
    secrets.extend(
        parsed
            .query_pairs()
            .filter(|(key, _)| key == "pass")
            .map(|(_, v)| v.into()),
    );
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            ("redis://localhost:6379/2", "redis://localhost:6379/2"),
            (
                "redis://ada:hunter2@localhost:6379/2",
                "redis://localhost:6379/2",
            ),
            (
                "rediss://:hunter2@cache.example.org",
                "rediss://cache.example.org",
            ),
            (
                "redis+unix:///run/redis.sock?db=1&pass=hunter2",
                "redis+unix:///run/redis.sock",
            ),
            ("redis://ada:hunter2@local host:6379", "…@local host:6379"),
            ("ada:hunter2@localhost", "…@localhost"),
            ("redis://ada:hunt@er2@localhost:x", "…@localhost:x"),
            // A `/`, `?` or `#` in a password ends what is taken for the host.
            ("redis://ada:/hunter2@localhost:6379", "…@localhost:6379"),
            ("redis://ada:1/hunter2@localhost:6379", "…@localhost:6379"),
            ("redis://ada:1?hunter2@localhost:6379", "…"),
            ("redis://ada:1#hunter2@localhost:6379", "…"),
            ("redis://localhost?pass=a@hunter2", "…"),
            ("redis+unix:///run/redis.sock?pass=a@hunter2", "…"),
            ("redis+unix:///run/redis@2.sock?pass=hunter2", "…@2.sock"),
            ("localhost:6379", "localhost:6379"),
        ] {
            assert_eq!(shown(url), expected);
            assert!(!shown(url).contains("hunter2"));
        }
    }

    #[test]
    fn a_name_that_is_an_address_is_not_shown() {
        assert_eq!(name_shown("our shop"), "our shop");
        assert_eq!(name_shown("our\nshop"), "our\\nshop");
        assert_eq!(
            name_shown(&"x".repeat(1_000)),
            format!("{}…", "x".repeat(40))
        );
        assert_eq!(name_shown("redis://ada:hunter2@localhost"), "…");
        assert_eq!(name_shown("ada:hunter2@localhost"), "…");
    }
}
