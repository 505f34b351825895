//! Whether several processes ever read what they must not: what was loaded before an invalidation that
//! has returned.
//!
//! This program starts itself as *workers*: processes of their own, each with process memory above the
//! same tiers. They read and write at random, and write down when each step began and ended, and which
//! version they saw. The *origin*, a server that nothing happens to, has the truth: a number for each item,
//! which every write raises. Meanwhile faults happen to the servers, the connections and the workers. In
//! the end the [`checker`] goes through what was written down.
//!
//! `LARDER_HISTORY_SECONDS` says how long each history lasts (14 unless set), `LARDER_HISTORY_SEED` what is
//! random in it; a history that fails prints its seed. What the threads and processes make of a seed
//! differs from run to run.

mod checker;
mod checks;
mod faults;
mod history;
mod origin;
mod plan;
mod record;
mod tiers;
mod worker;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::plan::PLANS;
use crate::worker::Job;

fn main() -> ExitCode {
    if let Some(job) = Job::given() {
        worker::run(&job);
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    // Each history has the whole machine: what it measures is time.
    arguments.test_threads.get_or_insert(1);
    let checks = checks::ALL.iter().map(|(name, check)| {
        Trial::test(*name, || {
            check();
            Ok(())
        })
    });
    let histories = PLANS.iter().map(|plan| {
        Trial::test(plan.name, || {
            history::run(plan).map_err(libtest_mimic::Failed::from)
        })
    });
    libtest_mimic::run(&arguments, checks.chain(histories).collect()).exit_code()
}
