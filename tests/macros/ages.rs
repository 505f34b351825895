//! The options about an entry's age, on each kind of argument. What they do is tested with the stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::{Cache, Clock, cache_read};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Default)]
struct Users {
    loads: Arc<AtomicUsize>,
}

impl Users {
    #[cache_read(key = "lent:{id}:{name}", early_ttl = MINUTE, skip(self))]
    async fn lent(&self, id: u64, name: &str) -> Result<String, std::io::Error> {
        let number = self.count();
        self.twice(&format!("{name}{id}-{number} ")).await
    }

    #[cache_read(key = "shared:{id}", stale_for = MINUTE, load_timeout = "1s", skip(self))]
    async fn shared(self: Arc<Self>, id: u64) -> usize {
        let _ = id;
        self.count()
    }

    #[cache_read(key = "owned:{id}", early_ttl = MINUTE / 2, skip(self))]
    async fn owned(self, id: u64) -> usize {
        let Self { loads } = self;
        loads.fetch_add(1, Ordering::SeqCst) + id as usize
    }

    fn count(&self) -> usize {
        self.loads.fetch_add(1, Ordering::SeqCst)
    }

    async fn twice(&self, text: &str) -> Result<String, std::io::Error> {
        Ok(text.repeat(2))
    }
}

/// A cache whose entries are all of this age.
async fn aged<T>(loading: impl AsyncFn() -> T) -> (Cache, T) {
    let clock = Clock::hand_wound();
    let cache = Cache::builder().clock(clock.clone()).build();
    let first = larder::scope(cache.clone(), loading()).await;
    clock.advance(2 * MINUTE);
    larder::scope(cache.clone(), loading()).await;
    cache.settle().await;
    let last = larder::scope(cache.clone(), loading()).await;
    drop(first);
    (cache, last)
}

#[tokio::test]
async fn methods_load_early_with_a_self_of_their_own() {
    let users = Users::default();
    let (_, text) = aged(async || users.lent(7, "Ada").await.unwrap()).await;
    assert_eq!(text, "Ada7-1 Ada7-1 ");
    let (_, number) = aged(async || users.clone().owned(40).await).await;
    assert_eq!(number, 43);
    let (cache, _) = aged(async || Arc::new(users.clone()).shared(7).await).await;
    assert_eq!(cache.stats().loads, 1);
}

#[derive(Clone)]
struct Pool(Arc<AtomicUsize>);

#[cache_read(
    key = "every:{name}:{filter:join}:{owned}:{left}:{right}",
    early_ttl = 60,
    skip(pool)
)]
async fn every_kind(
    pool: &Pool,
    name: Option<&str>,
    filter: &[u32],
    mut owned: String,
    (left, right): (u8, u8),
) -> usize {
    owned.push('!');
    let length = name.map_or(0, str::len) + filter.len() + owned.len() + usize::from(left + right);
    pool.0.fetch_add(1, Ordering::SeqCst) * 100 + length
}

#[tokio::test]
async fn every_argument_can_go_along() {
    let pool = Pool(Arc::default());
    let load = async || every_kind(&pool, Some("Ada"), &[1, 2], "x".to_owned(), (3, 4)).await;
    let (_, last) = aged(load).await;
    assert_eq!(last, 100 + 3 + 2 + 2 + 7);
}

#[cache_read(
    key = "e:{id}", ttl = "5m", early_ttl = "4m", refresh, stale_for = "1h", load_timeout = "100ms",
    jitter = "10%", cache_err = short, cache_if = |value: &Option<u64>| value.is_some(), cache_none = false
)]
async fn everything(id: u64) -> Result<Option<u64>, String> {
    Ok(Some(id))
}

#[cache_read(early_ttl = 60, cache_err = 5, layer = "l1")]
async fn hashed(id: u64, name: &str) -> Result<Arc<str>, Arc<std::io::Error>> {
    Ok(format!("{name}{id}").into())
}

#[tokio::test]
async fn options_go_together() {
    crate::with_cache(async {
        assert_eq!(everything(7).await, Ok(Some(7)));
        assert_eq!(&*hashed(7, "Ada").await.unwrap(), "Ada7");
    })
    .await;
}
