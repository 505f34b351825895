//! Addresses: what is shown of a URL never includes what is secret in it.

use percent_encoding::percent_decode_str;
use url::Url;

/// The URL as it may be shown: without user, password and query.
pub(crate) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() || !url.contains('@') => {
            // Both fail only for URLs that cannot have them.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.set_query(None);
            parsed.set_fragment(None);
            parsed.into()
        }
        // Not a URL: what stands before an `@` may be a password.
        _ => match url.rsplit_once('@') {
            Some((_, rest)) => format!("…@{}", without_query(rest)),
            None => without_query(url).to_owned(),
        },
    }
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
            ("localhost:6379", "localhost:6379"),
        ] {
            assert_eq!(shown(url), expected);
            assert!(!shown(url).contains("hunter2"));
        }
    }
}
