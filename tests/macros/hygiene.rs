//! Expansions work where every usual name means something else.

#![allow(
    dead_code,
    unused_macros,
    non_camel_case_types,
    non_snake_case,
    clippy::items_after_test_module
)]

use larder::{cache_read as read, cache_write as write, resource as declare};

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
    })
    .await;
}
