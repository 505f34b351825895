//! Times to live as memcached takes and gives them: in seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// More seconds than this are a time since 1970.
const MOST_RELATIVE: u64 = 30 * 24 * 3_600;

/// The last time that the server can be given.
const LAST: u64 = i32::MAX as u64;

const FOREVER: u64 = 0;

/// What a blob that must be there for `ttl` is put with. Who reads it looks at its exact times.
pub(crate) fn exptime(ttl: Option<Duration>) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    exptime_at(ttl, now.as_secs())
}

fn exptime_at(ttl: Option<Duration>, now: u64) -> u64 {
    let Some(ttl) = ttl else { return FOREVER };
    // The server's clock moves once a second, so that up to one of them passes at once.
    let begun = u64::from(ttl.subsec_nanos() > 0);
    match ttl.as_secs().saturating_add(begun + 1) {
        seconds if seconds <= MOST_RELATIVE => seconds,
        seconds => match now.saturating_add(seconds) {
            end if end <= LAST => end,
            _ => FOREVER,
        },
    }
}

/// What is left of the ttl that a blob was put with, by the seconds that the server tells; -1 is
/// forever.
pub(crate) fn left(seconds: i64) -> Option<Duration> {
    let seconds = u64::try_from(seconds).ok()?;
    Some(Duration::from_secs(seconds.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_there_for_as_long_as_its_ttl() {
        const NOW: u64 = 1_720_000_000;
        let day = Duration::from_secs(24 * 3_600);
        for (ttl, expected) in [
            (None, 0),
            (Some(Duration::ZERO), 1),
            (Some(Duration::from_millis(1)), 2),
            (Some(Duration::from_secs(1)), 2),
            (Some(Duration::from_millis(1_001)), 3),
            (Some(30 * day - Duration::from_secs(1)), 30 * 24 * 3_600),
            (Some(30 * day), NOW + 30 * 24 * 3_600 + 1),
            (Some(365 * day), NOW + 365 * 24 * 3_600 + 1),
            // Beyond what the server can count.
            (Some(100 * 365 * day), 0),
            (Some(Duration::MAX), 0),
        ] {
            assert_eq!(exptime_at(ttl, NOW), expected, "{ttl:?}");
        }
    }

    #[test]
    fn putting_again_with_what_is_left_does_not_prolong() {
        assert_eq!(left(-1), None);
        assert_eq!(left(0), Some(Duration::ZERO));
        assert_eq!(exptime_at(left(7), 0), 7);
    }
}
