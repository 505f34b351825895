//! The keys of caches and layers: the one table of what can be said.

use std::path::PathBuf;

use larder_core::{Codec, Coherence, Compression, LayerName, Reach};

use super::nearest;
use super::setting::{Provider, Secret, Setting, Uri};
use super::value::Value;

/// A key: what it is called, who has a use for it, and how its value is read.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it may be called as well.
    pub(super) alias: Option<&'static str>,
    pub(super) belongs: Belongs,
    /// None: a cache with layers.
    pub(super) used_by: &'static [Provider],
    /// The setting, or what is wrong with the value.
    pub(super) read: fn(&Value) -> Result<Setting, String>,
}

/// Of what a key can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// Of a cache alone, for this reason.
    Cache(&'static str),
    /// Of a layer alone.
    Layer,
    /// Of a layer, and of a cache that has none.
    Place,
    /// Of a layer, and of a cache, where it is meant for all of its layers.
    Both,
}

impl Key {
    const fn new(
        name: &'static str,
        belongs: Belongs,
        used_by: &'static [Provider],
        read: fn(&Value) -> Result<Setting, String>,
    ) -> Self {
        Self {
            name,
            alias: None,
            belongs,
            used_by,
            read,
        }
    }

    const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Whether it can be said there: of a cache, or of a layer.
    fn fits(&self, layer: Option<LayerName>) -> bool {
        match self.belongs {
            Belongs::Cache(_) => layer.is_none(),
            Belongs::Layer => layer.is_some(),
            Belongs::Place | Belongs::Both => true,
        }
    }
}

const EVERY: &[Provider] = &[
    Provider::Memory,
    Provider::Redis,
    Provider::RedisCluster,
    Provider::RedisSentinel,
    Provider::Memcached,
    Provider::S3,
    Provider::File,
    Provider::Http,
];
const MEMORY: &[Provider] = &[Provider::Memory];
const STORES: &[Provider] = Provider::STORES;
const REDIS: &[Provider] = &[
    Provider::Redis,
    Provider::RedisCluster,
    Provider::RedisSentinel,
];
const SERVERS: &[Provider] = &[
    Provider::Redis,
    Provider::RedisCluster,
    Provider::RedisSentinel,
    Provider::Memcached,
    Provider::Http,
];
const WITH_TLS: &[Provider] = &[
    Provider::Redis,
    Provider::RedisCluster,
    Provider::RedisSentinel,
    Provider::S3,
    Provider::Http,
];
const S3: &[Provider] = &[Provider::S3];

/// The table of a cache's layers.
pub(super) const LAYERS: &str = "layers";

/// Why what encodes is a cache's.
const ENCODED_ONCE: &str = "an entry is encoded once, however many layers keep it";

/// Every key. `docs/configuration.md` has the same table with defaults and reasons.
pub(super) static KEYS: [Key; 31] = [
    Key::new("provider", Belongs::Place, EVERY, |value| {
        value.choice(&Provider::NAMES).map(Setting::Provider)
    })
    .or("backend"),
    Key::new("uri", Belongs::Place, SERVERS, |value| {
        value.text().map(|text| Setting::Uri(Uri(text)))
    })
    .or("url"),
    Key::new("urls", Belongs::Place, &[Provider::RedisCluster], |value| {
        let texts = value.texts()?;
        Ok(Setting::Uris(texts.into_iter().map(Uri).collect()))
    }),
    Key::new("path", Belongs::Place, &[Provider::File], |value| {
        path(value).map(Setting::Path)
    }),
    Key::new("bucket", Belongs::Place, S3, |value| {
        value.text().map(Setting::Bucket)
    }),
    Key::new("region", Belongs::Place, S3, |value| {
        value.text().map(Setting::Region)
    }),
    Key::new("endpoint", Belongs::Place, S3, |value| {
        value.text().map(|text| Setting::Endpoint(Uri(text)))
    }),
    Key::new("access_key_id", Belongs::Place, S3, |value| {
        value.text().map(|key| Setting::AccessKey(Secret(key)))
    }),
    Key::new("secret_access_key", Belongs::Place, S3, |value| {
        secret(value).map(|key| Setting::SecretKey(Secret(key)))
    }),
    Key::new("enabled", Belongs::Layer, EVERY, |value| {
        value.switch().map(Setting::Enabled)
    }),
    Key::new("reach", Belongs::Layer, STORES, |value| {
        value.choice(&REACHES).map(Setting::Reach)
    }),
    Key::new("ttl", Belongs::Both, EVERY, |value| {
        value.ttl().map(Setting::Ttl)
    }),
    Key::new("ttl_short", Belongs::Cache(WORDS), EVERY, |value| {
        value.ttl().map(Setting::TtlShort)
    }),
    Key::new("ttl_long", Belongs::Cache(WORDS), EVERY, |value| {
        value.ttl().map(Setting::TtlLong)
    }),
    Key::new("max_entries", Belongs::Place, MEMORY, |value| {
        value.count().map(Setting::MaxEntries)
    }),
    Key::new(
        "max_size",
        Belongs::Place,
        &[Provider::Memory, Provider::File],
        |value| value.size().map(Setting::MaxSize),
    ),
    Key::new(
        "keep_over_reboots",
        Belongs::Place,
        &[Provider::File],
        |value| value.switch().map(Setting::KeepOverReboots),
    ),
    Key::new("prefix", Belongs::Both, STORES, |value| {
        value.text().map(Setting::Prefix)
    }),
    Key::new("version", Belongs::Both, STORES, |value| {
        value.text().map(Setting::Version)
    }),
    Key::new("codec", Belongs::Cache(ENCODED_ONCE), STORES, |value| {
        value.choice(&CODECS).map(Setting::Codec)
    }),
    Key::new(
        "compression",
        Belongs::Cache(ENCODED_ONCE),
        STORES,
        |value| compression(value).map(Setting::Compression),
    ),
    Key::new(
        "compress_above",
        Belongs::Cache(ENCODED_ONCE),
        STORES,
        |value| value.bytes().map(Setting::CompressAbove),
    ),
    Key::new(
        "coherence",
        Belongs::Cache("it is about all of its layers"),
        &[],
        |value| value.choice(&COHERENCES).map(Setting::Coherence),
    ),
    Key::new("time_budget", Belongs::Both, STORES, |value| {
        value.time().map(Setting::TimeBudget)
    }),
    Key::new(
        "lease",
        Belongs::Cache("one layer keeps the leases for all"),
        STORES,
        |value| value.lease().map(Setting::Lease),
    ),
    Key::new(
        "start_degraded",
        Belongs::Cache("it starts as a whole"),
        STORES,
        |value| value.switch().map(Setting::StartDegraded),
    ),
    Key::new("root_certificates", Belongs::Place, WITH_TLS, |value| {
        path(value).map(Setting::RootCertificates)
    }),
    Key::new("client_certificate", Belongs::Place, REDIS, |value| {
        path(value).map(Setting::ClientCertificate)
    }),
    Key::new("client_key", Belongs::Place, REDIS, |value| {
        path(value).map(Setting::ClientKey)
    }),
    Key::new("wait_for_replicas", Belongs::Place, REDIS, |value| {
        value.count().map(Setting::WaitForReplicas)
    }),
    Key::new("wait_within", Belongs::Place, REDIS, |value| {
        value.time().map(Setting::WaitWithin)
    }),
];

/// Why the words for ttls are a cache's.
const WORDS: &str = "it is what functions mean by a word";

const REACHES: [(&str, Reach); 2] = [("host", Reach::Host), ("shared", Reach::Shared)];

const COHERENCES: [(&str, Coherence); 3] = [
    ("push", Coherence::Push),
    ("strict", Coherence::Strict),
    ("ttl", Coherence::Ttl),
];

fn path(value: &Value) -> Result<PathBuf, String> {
    value.text().map(PathBuf::from)
}

/// A text that a mistake does not show.
fn secret(value: &Value) -> Result<String, String> {
    value.text().map_err(|_| "must be a text".to_owned())
}

const CODECS: [(&str, Codec); 3] = [
    ("postcard", Codec::Postcard),
    ("json", Codec::Json),
    ("msgpack", Codec::MessagePack),
];

#[cfg(feature = "zstd")]
const ZSTD: Option<Compression> = Some(Compression::Zstd);
#[cfg(not(feature = "zstd"))]
const ZSTD: Option<Compression> = None;

fn compression(value: &Value) -> Result<Compression, String> {
    let choices = [
        ("none", Some(Compression::None)),
        ("lz4", Some(Compression::Lz4)),
        ("zstd", ZSTD),
    ];
    value
        .choice(&choices)?
        .ok_or_else(|| format!("wants `zstd`, which {}", needs_feature("zstd")))
}

/// What a build without a feature says to those who want it.
pub(super) fn needs_feature(feature: &str) -> String {
    let version = concat!(
        env!("CARGO_PKG_VERSION_MAJOR"),
        ".",
        env!("CARGO_PKG_VERSION_MINOR")
    );
    format!(
        "needs larder's feature `{feature}`: larder = {{ version = \"{version}\", features = [\"{feature}\"] }}"
    )
}

/// The key of this name, and the name.
pub(super) fn named(name: &str) -> Option<(&'static Key, &'static str)> {
    KEYS.iter().find_map(|key| {
        let names = std::iter::once(key.name).chain(key.alias);
        let word = names.into_iter().find(|word| *word == name)?;
        Some((key, word))
    })
}

/// The key of a setting.
pub(super) fn of(key: &'static str) -> Option<&'static Key> {
    named(key).map(|(key, _)| key)
}

/// The key that a word is a slip for, among those of a cache or a layer.
pub(super) fn nearest(word: &str, layer: Option<LayerName>) -> Option<&'static str> {
    let keys = KEYS.iter().filter(|key| key.fits(layer));
    let aliases = keys.filter_map(|key| key.alias);
    nearest::nearest(word, names(layer).chain(aliases))
}

/// What can be said of a cache or of a layer.
pub(super) fn names(layer: Option<LayerName>) -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter().filter(move |key| key.fits(layer));
    let names = keys.map(move |key| match key.alias {
        Some(alias) if layer.is_some() => alias,
        _ => key.name,
    });
    names.chain(layer.is_none().then_some(LAYERS))
}
