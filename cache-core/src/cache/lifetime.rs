//! How long an entry will live: from a ttl as it is said to durations and moments.

use std::time::Duration;

use super::Cache;
use crate::envelope::Times;
use crate::error::Error;
use crate::freshness::Freshness;
use crate::key::Key;
use crate::memory::{Ages, Memory};
use crate::spec::Ttl;

/// How long an entry will live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// How long it is fresh; `None` for ever.
    pub(super) ttl: Option<Duration>,
    /// How much longer it is kept, for loads that fail.
    pub(super) stale_for: Duration,
}

impl Lifetime {
    /// Without an end.
    pub(super) const FOREVER: Self = Self {
        ttl: None,
        stale_for: Duration::ZERO,
    };

    /// How long a store keeps it; `None` for ever.
    pub(super) fn kept(self) -> Option<Duration> {
        self.ttl.map(|ttl| ttl.saturating_add(self.stale_for))
    }

    /// The same for process memory, from now on.
    pub(super) fn ages(self, memory: &Memory) -> Ages {
        Ages {
            expires_at: memory.expires_at(self.ttl),
            stale_for: self.stale_for,
        }
    }

    /// The same for a store of bytes, from `now` on.
    pub(super) fn times(self, now: u64) -> Times {
        Times {
            created_at: now,
            expires_at: expires_at(now, self.ttl),
            stale_for: u64::try_from(self.stale_for.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Cache {
    /// What a ttl comes to here; `None` for one of zero, with which nothing is stored.
    pub(super) fn lifetime(&self, ttl: Ttl, freshness: &Freshness) -> Option<Lifetime> {
        let ttls = &self.shared.ttls;
        let ttl = match ttl {
            Ttl::Default => ttls.default,
            Ttl::Short => ttls.short,
            Ttl::Long => ttls.long,
            Ttl::For(ttl) => ttl,
            Ttl::Never => Duration::MAX,
        };
        let ttl = self.shared.most.map_or(ttl, |most| most.min(ttl));
        let forever = ttl == Duration::MAX;
        (!ttl.is_zero()).then(|| Lifetime {
            ttl: (!forever).then(|| freshness.jitter.shorten(ttl)),
            stale_for: freshness.stale_for,
        })
    }

    /// The same, where the caller is to be told of a ttl of zero.
    pub(super) fn lifetime_of(
        &self,
        ttl: Ttl,
        freshness: &Freshness,
        key: &Key,
    ) -> Result<Lifetime, Error> {
        self.lifetime(ttl, freshness).ok_or_else(|| Error::ZeroTtl {
            key: key.full().to_owned(),
        })
    }
}

/// When an entry with this ttl expires, in milliseconds since 1970; zero for never. At least a
/// millisecond from now: a store that counts in these must not see zero.
pub(super) fn expires_at(now: u64, ttl: Option<Duration>) -> u64 {
    let millis = |ttl: Duration| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
    ttl.map_or(0, |ttl| now.saturating_add(millis(ttl)))
}
