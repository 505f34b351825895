//! The core of [larder](https://docs.rs/larder): keys, tags, generations, leases, flights, process
//! memory, and the port that stores of bytes implement.
//!
//! Applications use the facade, `larder`. This crate is for adapters.

pub mod blobs;
mod cache;
mod caches;
mod call;
mod clock;
mod codec;
mod envelope;
mod error;
pub mod event;
mod fence;
mod flight;
mod freshness;
mod generation;
mod graph;
mod health;
mod keep;
mod key;
mod layer;
mod memory;
mod origin;
mod outcome;
mod pairs;
mod projection;
mod remote;
mod site;
pub mod slot;
mod spec;
mod stats;
pub mod store;
mod tag;
mod tier;
mod value;
mod write;

pub use crate::cache::{
    Cache, CacheBuilder, Count, Cursor, Entry, Invalidation, Load, Mode, Page, Set, SetIfAbsent,
    SetMany, Targets, TryLoad, Ttls, Warm, WarmEntries, Warmed, warm,
};
pub use crate::caches::{Caches, Unsettled};
pub use crate::clock::Clock;
pub use crate::codec::{Codec, Compression};
pub use crate::error::{Error, StoreError};
pub use crate::event::{
    Emitted, EventLog, EventStats, Gap, Handler, HandlerStats, Listen, Listening, Publication,
    emit, event_stats, handlers, listen,
};
pub use crate::freshness::{Freshness, Jitter};
pub use crate::graph::{Declaration, Finding, Graph, Report, Suggestion, Unseen, check};
pub use crate::health::{CacheHealth, Health, TierHealth};
pub use crate::key::{Key, KeyPart, KeyWriter, Pattern, PatternPart, ValueWriter, escape};
pub use crate::layer::{Coherence, Layer, LayerName, LayerSet, NoLayer, Reach};
pub use crate::memory::{MemoryLimit, Weigher};
pub use crate::projection::{AddProjection, Projection, Projections};
pub use crate::site::{Role, Site, sites};
pub use crate::spec::{Layers, Spec, Ttl};
pub use crate::stats::{Stats, TierStats};
pub use crate::store::Store;
pub use crate::tag::{Tag, Tags};
pub use crate::tier::{Breaker, Guarded, Stack, StackError, Tier};
pub use crate::value::Value;

/// What the macros' expansions call. Not a public interface.
#[doc(hidden)]
pub mod __private {
    pub use inventory::submit;

    pub use crate::cache::{Put, PutAs, Puts, put, put_hashed, put_hashed_near, put_near};
    pub use crate::call::{
        Again, Own, again, future_of, invalidate, invalidate_many, invalidate_many_near,
        invalidate_near, lend, own, peek, peek_near, prime, prime_near, read, read_blocking,
        read_detachable, read_hashed, read_hashed_blocking, read_hashed_detachable, read_many,
        untagged,
    };
    pub use crate::codec::{Coded, Coding, Encoded, Encoding, Uncoded, Unreadable};
    pub use crate::event::{
        FailsByDebug, FailsByDisplay, FailsSilently, Failure, HandlerRegistration, Handling,
        Payload, Piece, Returned, Rule, Succeeds, apply, decode, invalidate_on,
    };
    pub use crate::graph::{
        ByHand, ByHandRegistration, Code, Entry, Kept, Resource, ResourceRegistration, Templates,
        ValueType, value_type,
    };
    pub use crate::keep::{Keep, MaybeNone, always};
    pub use crate::key::{
        ByHash, HashPart, Hashed, Integer, ListByRule, ListMissing, PartByDisplay, PartByRule,
        PartMissing, Unwritable, Wrap, integer, list,
    };
    pub use crate::outcome::{
        Outcome, Returns, ReturnsKeptResult, ReturnsPlain, ReturnsResult, ReturnsSharedResult,
        Yields, keeps_error,
    };
    pub use crate::pairs::{Batch, IdOf, Pairs};
    pub use crate::projection::{AddProjection, Projection, Projections};
    pub use crate::site::Registration;
    pub use crate::spec::{detached, spec};
    pub use crate::value::{Local, LocalFor, ValueFor};
    pub use crate::write::{
        Answer, AnswersPlain, AnswersResult, HoldsMaybe, HoldsPlain, Recache, When, recache, write,
        write_and_put,
    };
    pub use crate::{
        __handled as handled, __listed as listed, __outcome as outcome, __part as part,
        __present as present, __succeeded as succeeded, __value_type as value_type_of,
    };
}
