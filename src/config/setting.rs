//! What a source says of a cache.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use larder_core::{Codec, Coherence, Compression, LayerName, Reach};

use super::mistake::Place;
use super::nearest::may_be_address;

/// One setting, understood. What it is called is in [`KEYS`](super::key::KEYS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Provider(Provider),
    Uri(Uri),
    Uris(Vec<Uri>),
    Path(PathBuf),
    Bucket(String),
    Region(String),
    Endpoint(Uri),
    AccessKey(Secret),
    SecretKey(Secret),
    Enabled(bool),
    Reach(Reach),
    Ttl(Duration),
    TtlShort(Duration),
    TtlLong(Duration),
    MaxEntries(u64),
    MaxSize(Size),
    Prefix(String),
    Version(String),
    Codec(Codec),
    Compression(Compression),
    CompressAbove(usize),
    Coherence(Coherence),
    TimeBudget(Duration),
    Lease(Duration),
    StartDegraded(bool),
    RootCertificates(PathBuf),
    ClientCertificate(PathBuf),
    ClientKey(PathBuf),
    WaitForReplicas(u64),
    WaitWithin(Duration),
    KeepOverReboots(bool),
}

/// How much something may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A plain number: of what, the provider knows.
    Plain(u64),
    /// With a unit of bytes.
    Bytes(u64),
}

/// What is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Memory,
    Redis,
    RedisCluster,
    RedisSentinel,
    Memcached,
    S3,
    File,
    Http,
    Off,
}

impl Provider {
    pub(super) const NAMES: [(&'static str, Self); 9] = [
        ("memory", Self::Memory),
        ("redis", Self::Redis),
        ("redis-cluster", Self::RedisCluster),
        ("redis-sentinel", Self::RedisSentinel),
        ("memcached", Self::Memcached),
        ("s3", Self::S3),
        ("file", Self::File),
        ("http", Self::Http),
        ("off", Self::Off),
    ];

    /// All that are neither process memory nor nothing.
    pub(super) const STORES: &'static [Self] = &[
        Self::Redis,
        Self::RedisCluster,
        Self::RedisSentinel,
        Self::Memcached,
        Self::S3,
        Self::File,
        Self::Http,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
            Self::RedisSentinel => "redis-sentinel",
            Self::Memcached => "memcached",
            Self::S3 => "s3",
            Self::File => "file",
            Self::Http => "http",
            Self::Off => "off",
        }
    }
}

/// An address, which may have a password in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Uri(pub(super) String);

impl Uri {
    /// Which provider the address is one of, as far as it says so: several nodes are a cluster.
    pub(super) fn provider(&self) -> Option<Provider> {
        if matches!(self.0.as_str(), "memory" | "memory://") {
            return Some(Provider::Memory);
        }
        match self.0.split_once(':')?.0 {
            "redis" | "rediss" if self.hosts().nth(1).is_some() => Some(Provider::RedisCluster),
            "redis" | "rediss" | "redis+unix" | "unix" => Some(Provider::Redis),
            "redis-sentinel" | "rediss-sentinel" | "redis+sentinel" | "rediss+sentinel" => {
                Some(Provider::RedisSentinel)
            }
            "memcached" => Some(Provider::Memcached),
            _ => None,
        }
    }

    /// The machines that it names, without ports. None where it names a socket.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let nodes = authority
            .rsplit_once('@')
            .map_or(authority, |(_, nodes)| nodes);
        nodes.split(',').filter_map(|node| {
            let host = match node.strip_prefix('[') {
                Some(address) => address.split(']').next()?,
                None => node.split(':').next()?,
            };
            Some(host).filter(|host| !host.is_empty())
        })
    }

    /// Whether all that it names is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.hosts().all(|host| {
            let address = host.parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        })
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
pub(super) type Source = BTreeMap<String, Vec<Said>>;

/// Whether a file or a variable may call a cache so.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.chars().all(is_plain)
}

/// A setting, and who said it.
#[derive(Clone)]
pub(super) struct Said {
    /// The layer that it is said of; `None`: of the cache.
    pub(super) layer: Option<LayerName>,
    /// The key, by its name in [`KEYS`](super::key::KEYS).
    pub(super) key: &'static str,
    /// What the key is called where it is said.
    pub(super) word: &'static str,
    /// `None` for what could not be understood, which is reported already: it counts as said, so
    /// that one mistake does not cause another.
    pub(super) setting: Option<Setting>,
    pub(super) rank: Rank,
    pub(super) place: Place,
    /// Whether a part of it came through `${VAR}`, and must not be shown.
    pub(super) is_hidden: bool,
}

impl Said {
    /// That there is this layer, and no more.
    pub(super) fn of_nothing(layer: LayerName, rank: Rank, place: Place) -> Self {
        Self {
            layer: Some(layer),
            key: "",
            word: "",
            setting: None,
            rank,
            place,
            is_hidden: false,
        }
    }

    /// Which provider it is, or is an address of.
    pub(super) fn provider(&self) -> Option<Provider> {
        match self.setting.as_ref()? {
            Setting::Provider(provider) => Some(*provider),
            Setting::Uri(uri) => uri.provider(),
            // One that is a list of nodes is no single server's.
            Setting::Uris(uris) => match uris.first()?.provider()? {
                Provider::Redis => Some(Provider::RedisCluster),
                other => Some(other),
            },
            _ => None,
        }
    }

    /// The addresses, where it has some.
    pub(super) fn uris(&self) -> &[Uri] {
        match &self.setting {
            Some(Setting::Uri(uri) | Setting::Endpoint(uri)) => std::slice::from_ref(uri),
            Some(Setting::Uris(uris)) => uris,
            _ => &[],
        }
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Said");
        if let Some(layer) = self.layer {
            debug.field("layer", &layer);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri(text.to_owned())
    }

    #[test]
    fn an_address_says_whose_it_is() {
        for (text, provider) in [
            ("memory", Provider::Memory),
            ("redis://ada:one,two@localhost/0", Provider::Redis),
            ("redis+unix:///run/a,b.sock", Provider::Redis),
            ("rediss://ada:secret@one:1,two:2/0", Provider::RedisCluster),
            ("redis-sentinel://one,two/primary", Provider::RedisSentinel),
            ("rediss+sentinel://one/primary", Provider::RedisSentinel),
            ("memcached://localhost:11211", Provider::Memcached),
        ] {
            assert_eq!(uri(text).provider(), Some(provider), "{text}");
        }
        for text in ["", "redis", "ftp://localhost", "://", "memory:x"] {
            assert_eq!(uri(text).provider(), None, "{text}");
        }
    }

    #[test]
    fn what_is_on_this_machine_is_known_by_its_address() {
        for text in [
            "redis://127.0.0.1:6379",
            "redis://ada:x@localhost/0",
            "redis://[::1]:6379/0",
            "redis://127.0.0.1:1,localhost:2",
            "redis+unix:///run/redis.sock",
        ] {
            assert!(uri(text).is_local(), "{text}");
        }
        for text in [
            "redis://cache:6379",
            "redis://127.0.0.1:1,cache:2",
            "redis://localhost@cache",
            "redis://[fe80::1]",
        ] {
            assert!(!uri(text).is_local(), "{text}");
        }
    }
}
