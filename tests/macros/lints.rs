//! Expansions are safe code, and trip no lint.

#![forbid(unsafe_code)]
#![deny(
    absolute_paths_not_starting_with_crate,
    closure_returning_async_block,
    deprecated_in_future,
    deprecated_safe,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    if_let_rescope,
    impl_trait_redundant_captures,
    keyword_idents,
    let_underscore,
    macro_use_extern_crate,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    missing_unsafe_on_extern,
    nonstandard_style,
    redundant_imports,
    redundant_lifetimes,
    refining_impl_trait,
    rust_2018_compatibility,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences,
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::unwrap_used
)]
// A spec takes what it is given, in a companion's function too.
#![allow(clippy::redundant_clone)]

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use larder::{Projection, cache_read, cache_write, emit, invalidate_on, on_event, resource};
use serde::{Deserialize, Serialize};

use crate::{Opaque, User, with_cache};

resource! {
    /// A thing.
    pub(crate) thing(id: u64, name: &str) {
        /// One of it.
        one(owned: String): ttl = 5, lock, tags = ["all"];
        other;
    }
}

/// Reads.
///
/// # Errors
/// Sometimes.
#[cache_read(key = "user:{id}:{name}", tags = ["user:{id}", "name:{name}"], ttl = "5m", lock)]
pub(crate) async fn read(id: u64, name: String) -> Result<User, Opaque> {
    if id == 0 {
        return Err(Opaque);
    }
    Ok(User { id, name })
}

#[cache_read(skip(_unused))]
pub(crate) async fn hashed(id: u64, (a, _b): (u8, String), _unused: &mut Vec<u8>) -> Option<u64> {
    Some(id + u64::from(a))
}

#[cache_read(thing::one(id, name, owned.clone()))]
async fn from_resource(id: u64, name: &str, owned: String) -> usize {
    id.to_string().len() + name.len() + owned.len()
}

#[cache_read(key = "unit")]
async fn unit() {}

#[cache_write(
    thing::tag(id, &name),
    tags = ["user:{ret.id}"],
    recache = [read(id, name)],
    recache_max_concurrency = 2
)]
async fn write(id: u64, name: String) -> Result<User, Opaque> {
    Ok(User { id, name })
}

#[cache_write(tags = ["all:{ret}"])]
async fn write_sum(id: u64, more: u64) -> u64 {
    id + more
}

#[cache_read(key = "helped:{id}")]
async fn with_items(mut id: u64) -> u64 {
    const MORE: u64 = 1;
    const fn add(id: u64) -> u64 {
        id + MORE
    }
    id = add(id);
    id
}

#[cache_write(tags = ["user:{id}"])]
async fn write_unit(id: u64) {
    let _ = id;
}

#[cache_read(key = "plain:{id}")]
fn plain(id: u64) -> Result<u64, Opaque> {
    if id == 0 { Err(Opaque) } else { Ok(id) }
}

#[cache_read(key = "future:{id}")]
fn future(id: &str) -> impl Future<Output = usize> + Send {
    async move { id.len() }
}

#[cache_read(key = "boxed:{id}")]
fn boxed<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { id.len() })
}

#[cache_read(key = "generic:{id}", skip(load, _more))]
async fn generic<F, const N: usize>(
    id: impl Display + Send + Sync,
    load: F,
    #[cfg(test)] _more: [u8; N],
) -> u64
where
    F: Fn() -> u64 + Send + Sync,
{
    drop(id);
    load()
}

#[cache_read(
    key = "aging:{id}",
    ttl = 300,
    early_ttl = 200,
    stale_for = "1h",
    cache_err = "5s",
    cache_if = |value| *value > 0
)]
async fn aging(id: u64) -> Result<u64, u8> {
    Ok(id)
}

#[derive(Serialize, Deserialize)]
struct Renamed {
    id: u64,
}

#[on_event("lints.renamed")]
async fn renamed(event: &Renamed) -> Result<(), larder::Error> {
    let _: u64 = std::future::ready(event.id).await;
    Ok(())
}

invalidate_on!("lints.renamed": Renamed, tags = ["user:{id}"]);

#[derive(Clone, Serialize, Deserialize, Projection)]
struct Summary {
    id: u64,
}

struct Service {
    name: String,
}

impl Service {
    #[cache_read(key = "s:{self.name}:{id}", tags = ["s:{self.name}"])]
    async fn get(&self, id: u64) -> Result<u64, Opaque> {
        Ok(id)
    }

    #[cache_write(tags = ["s:{self.name}"], recache = [self.get(id)])]
    async fn set(&self, id: u64) -> Result<(), Opaque> {
        let _: u64 = self.get(id).await?;
        Ok(())
    }

    #[cache_write(tags = ["s:{id}"], recache = [self.get(id)])]
    async fn exclusive(&mut self, id: u64) {
        self.name.push('!');
    }

    #[cache_read(key = "e:{self.name}", tags = ["s:{self.name}"])]
    async fn shared(self: Arc<Self>) -> usize {
        self.name.len()
    }

    #[cache_read(associated, key = "a:{id}")]
    async fn associated(id: u64) -> Option<u64> {
        Some(id)
    }

    #[cache_read(skip(self))]
    fn hashed(&self, id: u64) -> usize {
        id.to_string().len() + self.name.len()
    }
}

#[async_trait]
trait Port {
    async fn find(&self, pair: (u64, String)) -> Option<u64>;

    #[cache_read(key = "default:{id}", skip(self))]
    async fn with_default_body(&self, id: u64) -> u64 {
        id
    }
}

#[async_trait]
impl Port for Service {
    #[cache_read(key = "find:{self.name}:{id}", skip(name))]
    async fn find(&self, (id, name): (u64, String)) -> Option<u64> {
        (name.len() > 1).then_some(id)
    }
}

#[tokio::test]
async fn all_of_it_runs() {
    with_cache(async {
        assert!(read(1, "a".to_owned()).await.is_ok());
        assert_eq!(
            hashed(1, (2, String::new()), &mut Vec::new()).await,
            Some(3)
        );
        assert_eq!(from_resource(1, "a", "b".to_owned()).await, 3);
        unit().await;
        assert!(write(1, "a".to_owned()).await.is_ok());
        write_unit(1).await;
        assert_eq!(write_sum(1, 2).await + with_items(1).await, 5);
        assert!(plain(1).is_ok());
        assert_eq!(future("a").await + boxed("b").await, 2);
        assert_eq!(generic("a", || 7, [0_u8; 2]).await, 7);
        assert_eq!(aging(1).await, Ok(1));
        assert!(emit("lints.renamed", &Renamed { id: 1 }).await.is_ok());
        assert_eq!(Summary { id: 1 }.id, 1);
        let mut service = Service {
            name: "n".to_owned(),
        };
        assert!(service.set(1).await.is_ok());
        service.exclusive(1).await;
        assert_eq!(Service::associated(1).await, Some(1));
        assert_eq!(service.hashed(1), 3);
        assert_eq!(service.find((1, "ab".to_owned())).await, Some(1));
        assert_eq!(service.with_default_body(1).await, 1);
        assert_eq!(Arc::new(service).shared().await, 2);
    })
    .await;
}
