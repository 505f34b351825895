//! How long to pause before trying again.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// How often a handler that failed is tried again.
const HANDLER_RETRIES: usize = 6;

/// For a handler that failed: six pauses, from 100 milliseconds doubling to about three seconds.
pub(crate) fn of_handler() -> impl Iterator<Item = Duration> {
    policy(Duration::from_millis(100), Duration::from_secs(10))
        .with_max_times(HANDLER_RETRIES)
        .build()
}

/// For a log that cannot be reached: from 50 milliseconds doubling to a second, without end.
pub(crate) fn of_log() -> impl Iterator<Item = Duration> {
    policy(Duration::from_millis(50), Duration::from_secs(1))
        .without_max_times()
        .build()
}

/// Spread, so that many processes do not come back in step.
fn policy(first: Duration, last: Duration) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(last)
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_retried_six_times_and_a_log_for_ever() {
        assert_eq!(of_handler().count(), 6);
        assert!(of_handler().sum::<Duration>() < Duration::from_secs(14));
        let pauses: Vec<_> = of_log().take(1_000).collect();
        assert_eq!(pauses.len(), 1_000);
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(2)));
    }
}
