//! Handlers to mount: what the caches do, and whether they can.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use larder_core::{EventStats, Health, Role, Stats, event_stats, sites};
use serde::Serialize;

use crate::Caches;

/// Answers whether the caches can be used, as JSON: each cache, each of its stores, and how long that
/// took to answer ([`Health`]). Status 200 if all can, else 503. It takes as long as the slowest, and
/// no longer than that cache's time budget.
///
/// Where a store cannot be used calls go on without it, so 503 is for those who look after the store,
/// and no reason to take the service out of rotation or to start it again.
///
/// ```
/// use axum::{Router, routing::get};
/// use larder::Cache;
///
/// let app: Router = Router::new()
///     .route("/health", get(larder::axum::health))
///     .layer(larder::axum::layer(Cache::memory()));
/// // {"healthy":true,"caches":[{"name":"default","healthy":true,"tiers":[
/// //     {"store":"memory","healthy":true,"latency_us":0}]}]}
/// ```
pub async fn health(Caches(caches): Caches) -> (StatusCode, Json<Health>) {
    let health = caches.health().await;
    let status = if health.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health))
}

/// Answers with what each cache and each annotated function did so far, as JSON: the fields of
/// [`Stats`] and the [hit rate](Stats::hit_rate), from 0 to 1. Then what events did: the fields of
/// [`EventStats`].
///
/// Functions and the handlers of events are counted for the whole process, whatever cache they used.
/// There is nothing in it but names and counts; still, mount it where only those can see it who should.
///
/// ```
/// use axum::{Router, routing::get};
/// use larder::Cache;
///
/// let app: Router = Router::new()
///     .route("/stats", get(larder::axum::stats))
///     .layer(larder::axum::layer(Cache::memory()));
/// // {"caches":{"default":{"hits":2,..,"hit_rate":0.5}},
/// //  "functions":[{"function":"shop::price","role":"read",..}],
/// //  "events":{"handlers":{"handled":3,..},"published":1,..}}
/// ```
pub async fn stats(Caches(caches): Caches) -> Json<impl Serialize> {
    let caches = caches
        .iter()
        .map(|(name, cache)| (name.to_owned(), Rated::from(cache.stats())));
    let functions = sites().map(|site| FunctionStats {
        function: site.function(),
        role: site.role(),
        cache: site.cache_name().unwrap_or("default"),
        stats: site.stats().into(),
    });
    let mut functions: Vec<_> = functions.collect();
    functions.sort_unstable_by_key(|function| function.function);
    Json(AllStats {
        caches: caches.collect(),
        functions,
        events: event_stats(),
    })
}

#[derive(Serialize)]
struct AllStats {
    caches: BTreeMap<String, Rated>,
    functions: Vec<FunctionStats>,
    events: EventStats,
}

#[derive(Serialize)]
struct FunctionStats {
    function: &'static str,
    role: Role,
    cache: &'static str,
    #[serde(flatten)]
    stats: Rated,
}

#[derive(Serialize)]
struct Rated {
    hit_rate: f64,
    #[serde(flatten)]
    stats: Stats,
}

impl From<Stats> for Rated {
    fn from(stats: Stats) -> Self {
        Self {
            hit_rate: stats.hit_rate(),
            stats,
        }
    }
}
