//! The keys of a cache: the one table of what can be said.

use std::path::PathBuf;

use larder_core::{Codec, Compression};

use super::nearest;
use super::setting::{Provider, Setting, Uri};
use super::value::Value;

/// A key: what it is called, who has a use for it, and how its value is read.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) used_by: &'static [Provider],
    /// The setting, or what is wrong with the value.
    pub(super) read: fn(&Value) -> Result<Setting, String>,
}

const EVERY: &[Provider] = &[Provider::Memory, Provider::Redis];
const MEMORY: &[Provider] = &[Provider::Memory];
const REDIS: &[Provider] = &[Provider::Redis];

/// Every key. `docs/configuration.md` has the same table with defaults and reasons.
pub(super) static KEYS: [Key; 15] = [
    Key {
        name: "provider",
        used_by: EVERY,
        read: |value| value.choice(&Provider::NAMES).map(Setting::Provider),
    },
    Key {
        name: "uri",
        used_by: REDIS,
        read: |value| value.text().map(|text| Setting::Uri(Uri(text))),
    },
    Key {
        name: "ttl",
        used_by: EVERY,
        read: |value| value.ttl().map(Setting::Ttl),
    },
    Key {
        name: "ttl_short",
        used_by: EVERY,
        read: |value| value.ttl().map(Setting::TtlShort),
    },
    Key {
        name: "ttl_long",
        used_by: EVERY,
        read: |value| value.ttl().map(Setting::TtlLong),
    },
    Key {
        name: "max_entries",
        used_by: MEMORY,
        read: |value| value.count().map(Setting::MaxEntries),
    },
    Key {
        name: "prefix",
        used_by: REDIS,
        read: |value| value.text().map(Setting::Prefix),
    },
    Key {
        name: "version",
        used_by: REDIS,
        read: |value| value.text().map(Setting::Version),
    },
    Key {
        name: "codec",
        used_by: REDIS,
        read: |value| value.choice(&CODECS).map(Setting::Codec),
    },
    Key {
        name: "compression",
        used_by: REDIS,
        read: |value| compression(value).map(Setting::Compression),
    },
    Key {
        name: "compress_above",
        used_by: REDIS,
        read: |value| value.bytes().map(Setting::CompressAbove),
    },
    Key {
        name: "time_budget",
        used_by: REDIS,
        read: |value| value.time().map(Setting::TimeBudget),
    },
    Key {
        name: "lease",
        used_by: REDIS,
        read: |value| value.lease().map(Setting::Lease),
    },
    Key {
        name: "start_degraded",
        used_by: REDIS,
        read: |value| value.switch().map(Setting::StartDegraded),
    },
    Key {
        name: "root_certificates",
        used_by: REDIS,
        read: |value| {
            value
                .text()
                .map(|path| Setting::RootCertificates(PathBuf::from(path)))
        },
    },
];

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

/// The key of this name, `url` included.
pub(super) fn named(name: &str) -> Option<&'static Key> {
    let name = if name == "url" { "uri" } else { name };
    KEYS.iter().find(|key| key.name == name)
}

/// The key that a word is a slip for.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    nearest::nearest(word, names())
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}
