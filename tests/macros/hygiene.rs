//! Expansions work where every usual name means something else.

#![allow(
    dead_code,
    unused_macros,
    non_camel_case_types,
    non_snake_case,
    clippy::items_after_test_module
)]

use ::larder::{
    Projection as Project, cache_read as read, cache_write as write, invalidate_on as rule,
    on_event as handle, resource as declare,
};

/// Not the crate.
mod larder {}

struct Result;
struct Option;
struct Box;
struct String;
struct Vec;
struct Key;
struct Tag;
struct Tags;
struct Spec;
struct Site;
struct Mode;
struct Ttl;
struct Duration;
struct Send;
struct Clone;
struct Fn;
struct User;
struct Future;
struct Pin;
struct Default;
struct Display;
struct Iterator;
struct Targets;
struct Freshness;
struct Layers;
struct Event;
struct Projection;
struct Projections;
struct Handler;
struct Sync;
struct Sized;
struct ToOwned;
struct Into;
struct From;
fn future_of() {}
fn again() {}
fn always() {}
fn identity() {}
fn Ok() {}
fn Err() {}
fn Some() {}
fn None() {}
fn drop() {}
mod std {}
mod core {}
mod alloc {}
macro_rules! vec {
    () => {};
}
macro_rules! concat {
    () => {};
}
macro_rules! module_path {
    () => {};
}
macro_rules! outcome {
    () => {};
}
macro_rules! part {
    () => {};
}
macro_rules! succeeded {
    () => {};
}
macro_rules! present {
    () => {};
}
macro_rules! stringify {
    () => {};
}
macro_rules! unimplemented {
    () => {};
}

type FallibleResult = ::std::result::Result<u64, ::std::io::Error>;

declare! {
    resource(value: u64, name: &str) {
        key;
        tags: ttl = 5, lock, tags = ["all"];
    }
}

#[read(
    key = "k:{key}:{tags}:{spec}:{mode}:{site}",
    tags = ["t:{out}"],
    ttl = "5m",
    namespace = "{value}",
    skip(out),
    lock
)]
#[allow(clippy::too_many_arguments)]
async fn get(
    key: u64,
    tags: u64,
    spec: u64,
    out: u64,
    value: u64,
    mode: u64,
    site: u64,
) -> FallibleResult {
    let sum: u64 = key + tags + spec + out + value + mode + site;
    ::std::result::Result::Ok(sum)
}

#[read]
async fn hashed(key: u64, value: &str) -> ::std::option::Option<u64> {
    ::std::option::Option::Some(key + value.len() as u64)
}

#[read(resource::tags(key, value), tags = ["more:{value}"])]
async fn with_spec(key: u64, value: &str) -> ::std::string::String {
    ::std::format!("{key}{value}")
}

#[write(
    resource::tag(targets, returned),
    tags = ["t:{ret}"],
    keys = ["k:{calls}"],
    recache = [get(*ret, 1, 2, 3, 4, 5, targets), hashed(calls, returned)],
    recache_max_concurrency = 2
)]
async fn store(targets: u64, returned: &str, calls: u64) -> FallibleResult {
    ::std::result::Result::Ok(targets + calls + returned.len() as u64)
}

#[read(key = "plain:{key}", tags = ["t:{tags}"], skip(tags), cache_none = false)]
fn plain(key: u64, tags: u64) -> ::std::option::Option<u64> {
    ::std::option::Option::Some(key + tags)
}

#[read(key = "future:{spec}", skip(out), ttl_of = |value| ::std::time::Duration::from_secs(*value))]
fn future(spec: u64, out: u64) -> impl ::std::future::Future<Output = u64> {
    async move { spec + out }
}

#[read(
    key = "boxed:{spec}",
    early_ttl = 1,
    stale_for = 2,
    load_timeout = "1s",
    jitter = "1%"
)]
fn boxed(
    spec: &str,
) -> ::std::pin::Pin<
    ::std::boxed::Box<dyn ::std::future::Future<Output = u64> + ::std::marker::Send + '_>,
> {
    ::std::boxed::Box::pin(async move { spec.len() as u64 })
}

struct Shop {
    tags: u64,
}

impl Shop {
    #[read(key = "mut:{self.tags}:{site}", tags = ["t:{self.tags}"])]
    async fn exclusive(&mut self, site: u64) -> u64 {
        self.tags += site;
        self.tags
    }

    #[read(associated)]
    async fn associated(mode: u64) -> u64 {
        mode
    }

    #[write(tags = ["t:{ret.0}"], recache = [self.lent(calls)])]
    async fn change(&mut self, calls: u64) -> ::std::option::Option<(u64,)> {
        self.tags += calls;
        ::std::option::Option::Some((calls,))
    }

    #[read(layer = "l1", skip(self), key = "lent:{returned}", cache_if = |key| *key > 0)]
    async fn lent(&self, returned: u64) -> u64 {
        returned
    }
}

#[derive(::serde::Serialize, ::serde::Deserialize)]
struct Renamed {
    tags: u64,
    event: u64,
}

#[handle("hygiene.renamed")]
async fn on_renamed(event: &Renamed) {
    let _: u64 = event.tags;
}

rule!("hygiene.renamed": Renamed, tags = ["t:{tags}"], keys = ["k:{event}"]);
rule!("hygiene.renamed", tags = ["t:{tags}"]);

#[derive(::std::clone::Clone, ::serde::Serialize, ::serde::Deserialize, Project)]
#[projection(name = "hygiene", id = "key", ttl = "1h")]
struct Summary {
    key: ::std::string::String,
}

#[tokio::test]
async fn the_users_names_stay_the_users() {
    crate::with_cache(async {
        assert_eq!(get(1, 1, 1, 1, 1, 1, 1).await.unwrap(), 7);
        assert_eq!(
            get::peek(1, 1, 1, 1, 1, 1, 1).await.unwrap(),
            ::std::option::Option::Some(7)
        );
        assert_eq!(hashed(1, "a").await, ::std::option::Option::Some(2));
        assert_eq!(with_spec(1, "a").await, "1a");
        assert_eq!(store(1, "a", 1).await.unwrap(), 3);
        assert_eq!(plain(1, 2), ::std::option::Option::Some(3));
        assert_eq!(future(1, 2).await + boxed("a").await, 4);
        let mut shop = Shop { tags: 1 };
        assert_eq!(shop.exclusive(2).await + Shop::associated(1).await, 4);
        assert_eq!(shop.change(1).await, ::std::option::Option::Some((1,)));
    })
    .await;
}
