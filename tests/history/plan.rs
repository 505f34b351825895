//! The histories that there are.

use crate::faults::Fault;
use crate::faults::Fault::{
    Blackhole, Cut, EndLinks, Kill, KillCopies, KillWorker, Latency, Pause, PauseCopies,
};

/// One history: what the tiers are, how process memory learns of changes, and what goes wrong.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) tiers: Tiers,
    pub(crate) is_strict: bool,
    /// Whether the server with the generations keeps them when it is killed.
    pub(crate) is_durable: bool,
    pub(crate) faults: &'static [Fault],
}

/// What is below process memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tiers {
    Redis,
    MemcachedAndRedis,
    File,
}

pub(crate) const PLANS: &[Plan] = &[
    Plan {
        name: "a_server_that_tells_of_changes",
        tiers: Tiers::Redis,
        is_strict: false,
        is_durable: true,
        faults: &[Cut, Blackhole, Latency, EndLinks, Pause, Kill, KillWorker],
    },
    Plan {
        name: "a_server_that_is_asked_at_each_hit",
        tiers: Tiers::Redis,
        is_strict: true,
        is_durable: false,
        faults: &[Cut, Blackhole, Latency, Pause, Kill, KillWorker],
    },
    Plan {
        name: "copies_beside_a_server_that_tells_of_changes",
        tiers: Tiers::MemcachedAndRedis,
        is_strict: false,
        is_durable: false,
        faults: &[
            Cut,
            Blackhole,
            Latency,
            EndLinks,
            Pause,
            Kill,
            PauseCopies,
            KillCopies,
            KillWorker,
        ],
    },
    Plan {
        name: "files_that_outlive_their_processes",
        tiers: Tiers::File,
        is_strict: false,
        is_durable: true,
        faults: &[KillWorker],
    },
];
