//! What a source says of a cache.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use larder_core::{Codec, Compression};

use super::mistake::Place;
use super::nearest::may_be_address;

/// One setting, understood. What it is called is in [`KEYS`](super::key::KEYS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Provider(Provider),
    Uri(Uri),
    Ttl(Duration),
    TtlShort(Duration),
    TtlLong(Duration),
    MaxEntries(u64),
    Prefix(String),
    Version(String),
    Codec(Codec),
    Compression(Compression),
    CompressAbove(usize),
    TimeBudget(Duration),
    Lease(Duration),
    StartDegraded(bool),
    RootCertificates(PathBuf),
}

/// Where a cache keeps its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Memory,
    Redis,
    Off,
}

impl Provider {
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("memory", Self::Memory),
        ("redis", Self::Redis),
        ("off", Self::Off),
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Off => "off",
        }
    }
}

/// An address, which may have a password in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Uri(pub(super) String);

impl Uri {
    /// Which provider the address is one of.
    pub(super) fn provider(&self) -> Option<Provider> {
        match self.0.as_str() {
            "memory" | "memory://" => Some(Provider::Memory),
            uri => match uri.split_once(':')?.0 {
                "redis" | "rediss" | "redis+unix" | "unix" => Some(Provider::Redis),
                _ => None,
            },
        }
    }

    /// What may be shown of an address that is not understood: what stands before its `://`.
    pub(super) fn scheme(&self) -> Option<&str> {
        // With anything else in it, like the `:` before a password, it is no scheme.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let (scheme, _) = self.0.split_once("://")?;
        Some(scheme).filter(|scheme| scheme.chars().all(is_plain))
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What one source says, by cache.
pub(super) type Layer = BTreeMap<String, Vec<Said>>;

/// Whether a file or a variable may call a cache so.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.chars().all(is_plain)
}

/// A setting, and who said it.
#[derive(Clone)]
pub(super) struct Said {
    /// The key, by its name in [`KEYS`](super::key::KEYS).
    pub(super) key: &'static str,
    /// `None` for what could not be understood, which is reported already: it counts as said, so
    /// that one mistake does not cause another.
    pub(super) setting: Option<Setting>,
    pub(super) rank: Rank,
    pub(super) place: Place,
    /// Whether a part of it came through `${VAR}`, and must not be shown.
    pub(super) is_hidden: bool,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Said");
        debug.field("key", &self.key);
        match &self.setting {
            // An address can be said by mistake to any key.
            Some(setting) if !self.is_hidden && !may_be_address(&format!("{setting:?}")) => {
                debug.field("setting", setting)
            }
            _ => debug.field("setting", &format_args!("…")),
        };
        debug.field("place", &self.place).finish()
    }
}

/// Whose word counts: the later of two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// `REDIS_URL`, which other libraries read too: it counts where nobody said anything else.
    Fallback,
    File,
    /// `CACHE_TTL_DEFAULT` and the like.
    ShortVariable,
    /// `LARDER__CACHES__DEFAULT__TTL` and the like.
    Variable,
    Code,
}
