//! What the client's errors mean. Their texts quote what a server said, which may quote what was
//! sent, so nothing of them is shown but the cause at the bottom, a status and a code.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use larder_core::StoreError;
use object_store::client::{HttpError, HttpErrorKind};

/// How long one request may take. The caller of a cache has a shorter time budget; this is for what
/// nobody waits for.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A server's answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// The reason of that status: `Forbidden`.
    pub(crate) reason: &'static str,
    /// The server's own word for it: `InvalidAccessKeyId`.
    pub(crate) code: Option<String>,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it answered {} {}", self.status, self.reason)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for Answered {}

/// The server's own word in the body of an answer that says no: `<Code>NoSuchBucket</Code>`.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 64;
    let body = std::str::from_utf8(body).ok()?;
    let (_, behind) = body.split_once("<Code>")?;
    let (code, _) = behind.split_once("</Code>")?;
    let is_word = code.len() <= LONGEST && code.chars().all(|c| c.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

/// What the client's error means.
pub(crate) fn failed(store: &str, error: &object_store::Error) -> StoreError {
    let store = store.to_owned();
    let unreachable = |store, reason| StoreError::Unreachable { store, reason };
    let refused = |store, reason| StoreError::Refused { store, reason };
    if let Some(answered) = find::<Answered>(error) {
        let reason = answered.to_string();
        return match answered.status {
            // It does not know the method; its disk is full.
            501 | 507 => refused(store, reason),
            500.. => unreachable(store, reason),
            _ => refused(store, reason),
        };
    }
    if let Some(http) = find::<HttpError>(error) {
        return match http.kind() {
            HttpErrorKind::Timeout => StoreError::Timeout {
                store,
                budget: ANSWER_WITHIN,
            },
            HttpErrorKind::Decode => refused(store, cause(http)),
            _ => unreachable(store, cause(http)),
        };
    }
    let reason = match error {
        object_store::Error::NotFound { .. } => "it has no such bucket or folder".to_owned(),
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => {
            "something else is there".to_owned()
        }
        _ => "it gave an answer that makes no sense".to_owned(),
    };
    refused(store, reason)
}

/// Whether the server answered with this status.
pub(crate) fn has_answered(error: &object_store::Error, status: u16) -> bool {
    find::<Answered>(error).is_some_and(|answered| answered.status == status)
}

/// The error of this type among those that led to this one.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The cause at the bottom: what the system, or TLS, said.
fn cause(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(kind: HttpErrorKind, source: impl Error + Send + Sync + 'static) -> StoreError {
        let error = object_store::Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(kind, source)),
        };
        failed("s3://larder", &error)
    }

    #[test]
    fn an_answer_says_whether_the_server_is_ill_or_unwilling() {
        let answered = |status| {
            meant(
                HttpErrorKind::Unknown,
                Answered {
                    status,
                    reason: "Reason",
                    code: Some("SomeCode".to_owned()),
                },
            )
        };
        for status in [401, 403, 405, 413, 501, 507] {
            assert!(matches!(answered(status), StoreError::Refused { .. }));
        }
        for status in [500, 502, 503, 504] {
            assert!(matches!(answered(status), StoreError::Unreachable { .. }));
        }
        assert_eq!(
            answered(403).to_string(),
            "`s3://larder` refused: it answered 403 Reason (SomeCode)"
        );
    }

    #[test]
    fn the_cause_at_the_bottom_is_shown() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = meant(HttpErrorKind::Connect, refused);
        assert_eq!(
            error.to_string(),
            "`s3://larder` cannot be reached: connection refused"
        );
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        assert!(matches!(
            meant(HttpErrorKind::Timeout, late),
            StoreError::Timeout { .. }
        ));
    }

    #[test]
    fn a_code_is_one_short_word() {
        let found = |body: &str| code(body.as_bytes());
        assert_eq!(
            found("<Error><Code>NoSuchBucket</Code><Key>k</Key></Error>").as_deref(),
            Some("NoSuchBucket")
        );
        for body in [
            "",
            "<Code>",
            "<Code>two words</Code>",
            "<Code>a\u{1b}[31m</Code>",
            &format!("<Code>{}</Code>", "x".repeat(65)),
        ] {
            assert_eq!(found(body), None, "{body}");
        }
    }
}
