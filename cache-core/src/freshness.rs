//! What an entry's age means beside its ttl.

use std::time::Duration;

/// How an entry ages: when it is loaded again early, how long it is kept behind its ttl, and what
/// changes the ttl itself. Nothing of it unless set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freshness {
    /// An entry older than this is served, and loaded again in the background.
    pub(crate) early_ttl: Option<Duration>,
    /// How much longer than its ttl an entry is kept, for loads that fail.
    pub(crate) stale_for: Duration,
    /// A load that takes longer than this goes on alone while a stale entry is served.
    pub(crate) load_timeout: Option<Duration>,
    /// By how much a ttl may come out shorter.
    pub(crate) jitter: Jitter,
    /// Whether a hit gives its entry the whole ttl again.
    pub(crate) renews: bool,
}

impl Freshness {
    /// Whether a hit has to look at more than its value.
    #[inline]
    pub(crate) fn watches_hits(&self) -> bool {
        self.renews || self.early_ttl.is_some()
    }
}

/// How far apart entries expire that were stored together: each ttl comes out shorter by a random
/// part of this, so that their loads do not come together too. Never longer: a ttl is what the caller
/// says may be old at most.
///
/// ```
/// use std::time::Duration;
/// use larder::Jitter;
///
/// assert_eq!(Jitter::from(Duration::from_secs(30)), Jitter::UpTo(Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Jitter {
    /// Every ttl is as it is said.
    #[default]
    None,
    /// At most so much shorter, and by no more than the ttl.
    UpTo(Duration),
    /// By at most this many hundredths of the ttl: 10 for a ttl between 90 % and 100 %. More than 100
    /// counts as 100.
    Percent(u8),
}

impl From<Duration> for Jitter {
    fn from(most: Duration) -> Self {
        Self::UpTo(most)
    }
}

impl Jitter {
    /// A ttl, shortened. At least a millisecond is left of it.
    pub(crate) fn shorten(self, ttl: Duration) -> Duration {
        let most = match self {
            Self::None => return ttl,
            Self::UpTo(most) => most.min(ttl),
            Self::Percent(percent) => scaled(ttl, f64::from(percent.min(100)) / 100.0),
        };
        ttl.saturating_sub(scaled(most, fastrand::f64()))
            .max(Duration::from_millis(1).min(ttl))
    }
}

/// A part of a duration. In floating point the longest ones round up to what is none.
fn scaled(duration: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * part).unwrap_or(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_comes_out_shorter_and_within_its_bounds() {
        let ttl = Duration::from_secs(100);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let shortened = Jitter::Percent(10).shorten(ttl);
            assert!((Duration::from_secs(90)..=ttl).contains(&shortened));
            let shortened = Jitter::UpTo(Duration::from_secs(30)).shorten(ttl);
            assert!((Duration::from_secs(70)..=ttl).contains(&shortened));
            seen.insert(shortened);
        }
        assert!(seen.len() > 100);
        assert_eq!(Jitter::None.shorten(ttl), ttl);
    }

    #[test]
    fn something_is_left_of_every_ttl() {
        for ttl in [
            Duration::from_nanos(1),
            Duration::from_millis(5),
            Duration::MAX / 2,
            Duration::from_secs(u64::MAX),
            Duration::MAX,
        ] {
            for _ in 0..100 {
                assert!(!Jitter::Percent(255).shorten(ttl).is_zero());
                assert!(!Jitter::UpTo(Duration::MAX).shorten(ttl).is_zero());
            }
        }
    }
}
