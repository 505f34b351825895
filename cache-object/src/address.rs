//! URLs of servers: what is shown of one never includes what is secret in it.

use url::Url;

use crate::error::ConnectError;

/// The URL of an HTTP server.
pub(crate) fn parse(url: &str) -> Result<Url, ConnectError> {
    let wrong = |reason: &str| ConnectError::Url {
        url: shown(url),
        reason: reason.to_owned(),
    };
    let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(wrong("it is neither `http` nor `https`"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(wrong("it may have no `?` and no `#`"));
    }
    if is_misread(&parsed) {
        return Err(wrong(
            "an `@` behind the host: write `/` in a password as `%2F`",
        ));
    }
    Ok(parsed)
}

/// The URL as it may be shown: without user, password and query.
pub(crate) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(parsed) if !is_misread(&parsed) => plain(parsed),
        _ if url.contains('@') => "…".to_owned(),
        _ => url.split(['?', '#']).next().unwrap_or(url).to_owned(),
    }
}

/// The URL without user, password and query.
pub(crate) fn plain(mut url: Url) -> String {
    // Both fail only for URLs that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether the URL has an `@` behind the host: then a `/`, `?` or `#` in a password has ended what was
/// taken for the host.
fn is_misread(url: &Url) -> bool {
    let rest = [Some(url.path()), url.query(), url.fragment()];
    rest.into_iter().flatten().any(|part| part.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            (
                "https://ada:hunter2@dav.example.org/a/",
                "https://dav.example.org/a",
            ),
            (
                "https://dav.example.org/a?token=hunter2",
                "https://dav.example.org/a",
            ),
            ("https://ada:1/hunter2@dav.example.org", "…"),
            ("https://ada:1?hunter2@dav.example.org", "…"),
            ("ada:hunter2@dav.example.org", "…"),
            ("dav example?hunter2", "dav example"),
        ] {
            assert_eq!(shown(url), expected);
            assert!(!shown(url).contains("hunter2"));
        }
    }

    #[test]
    fn an_address_is_one_of_a_server() {
        for url in ["http://a", "https://a:1/b/c", "https://u:p@a"] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "a",
            "ftp://a",
            "s3://a",
            "http://",
            "http://a?b",
            "http://u:p/q@a",
        ] {
            let error = parse(url).expect_err(url);
            assert!(matches!(error, ConnectError::Url { .. }), "{url}");
        }
    }
}
