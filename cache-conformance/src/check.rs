//! Running checks.

use std::future::Future;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::need::Need;
use crate::{Outcome, Subject, list};

/// One named check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// `group::what_holds`.
    pub name: &'static str,
    /// What the store must be able to do. One that cannot is checked to say so instead.
    pub needs: Need,
    pub(crate) check: fn(Subject) -> LocalBoxFuture<'static, Outcome>,
}

impl Check {
    /// Runs the check; or, if the subject's store cannot do what it needs, checks that the
    /// operations of that kind answer [`StoreError::Unsupported`](larder_core::StoreError).
    ///
    /// # Errors
    /// When an operation failed that should have succeeded.
    ///
    /// # Panics
    /// When what is checked does not hold, or the check needs a store and the subject has none.
    pub async fn run(&self, subject: Subject) -> Outcome {
        if self.needs.is_met_by(&subject) {
            (self.check)(subject).await
        } else {
            self.needs.is_refused_by(&subject).await
        }
    }
}

/// All checks, in the order of the list.
#[must_use]
pub fn checks() -> Vec<Check> {
    list::checks()
}

/// Runs the check of this name, as a test does: [`tests!`](crate::tests) expands to calls of it.
///
/// # Panics
/// When the check fails, takes longer than a minute, or there is none of this name.
#[track_caller]
pub fn run(name: &str, subject: impl Future<Output = Subject>) {
    let check = checks()
        .into_iter()
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("there is no check `{name}`"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the operating system gives threads");
    let outcome = runtime.block_on(async {
        tokio::time::timeout(limit(), async { check.run(subject.await).await })
            .await
            .expect("nothing hangs")
    });
    if let Err(failure) = outcome {
        panic!("`{name}` failed: {failure}");
    }
}

/// A check that hangs fails: this is the only thing the limit is for. Where checks are meant to
/// fail, it is set lower.
fn limit() -> Duration {
    let seconds = std::env::var("LARDER_TEST_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

#[cfg(test)]
mod tests {
    use super::checks;

    #[test]
    fn there_are_at_least_120_checks_and_no_two_share_a_name() {
        let mut names: Vec<_> = checks().iter().map(|check| check.name).collect();
        assert!(names.len() >= 120, "{}", names.len());
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
