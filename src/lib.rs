#![doc = include_str!("../README.md")]

mod config;
mod events;
mod health;
mod init;

#[cfg(feature = "axum")]
pub use larder_axum as axum;
pub use larder_core::{
    AddProjection, Breaker, Cache, CacheBuilder, CacheHealth, Caches, Clock, Codec, Coherence,
    Compression, Count, Cursor, Declaration, Emitted, Entry, Error, EventLog, EventStats, Finding,
    Freshness, Gap, Graph, Handler, HandlerStats, Health, Invalidation, Jitter, Key, KeyPart,
    KeyWriter, Layer, LayerName, LayerSet, Layers, Listen, Listening, Load, MemoryLimit, Mode,
    NoLayer, Page, Pattern, PatternPart, Projection, Projections, Publication, Reach, Report, Role,
    Set, SetIfAbsent, SetMany, Site, Spec, Stats, Store, StoreError, Suggestion, Tag, Tags,
    Targets, TierHealth, TierStats, TryLoad, Ttl, Ttls, Unseen, Unsettled, Value, ValueWriter,
    Warm, WarmEntries, Warmed, Weigher, check, emit, escape, event, event_stats, handlers, listen,
    sites, slot, store, warm,
};
pub use larder_macros::{
    Projection, by_hand, cache_read, cache_read_many, cache_write, invalidate_on, on_event,
    resource,
};
#[cfg(feature = "memcached")]
pub use larder_memcached as memcached;
#[cfg(any(feature = "file", feature = "http", feature = "s3"))]
pub use larder_object as object;
#[cfg(feature = "redis")]
pub use larder_redis as redis;

pub use crate::config::{Builder, InitError, Mistake, StoreFailure, builder};
pub use crate::events::stop_listening;
pub use crate::health::health;
pub use crate::init::{cache, cache_named, init, scope};

#[doc(hidden)]
pub use larder_core::__private;

/// The guides in `docs/`, compiled and run with the tests.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../docs/attributes.md")]
    mod attributes {}
    #[doc = include_str!("../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../docs/consistency.md")]
    mod consistency {}
    #[doc = include_str!("../docs/direct.md")]
    mod direct {}
    #[doc = include_str!("../docs/events.md")]
    mod events {}
    #[doc = include_str!("../docs/layers.md")]
    mod layers {}
    #[doc = include_str!("../docs/performance.md")]
    mod performance {}
    #[doc = include_str!("../docs/projections.md")]
    mod projections {}
    #[cfg(feature = "redis")]
    #[doc = include_str!("../docs/redis.md")]
    mod redis {}
    #[cfg(feature = "axum")]
    #[doc = include_str!("../docs/web.md")]
    mod web {}
}
