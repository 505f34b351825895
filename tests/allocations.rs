//! A hit in process memory allocates nothing beyond cloning the value. Counted, not timed.

use std::sync::Arc;

use futures_util::FutureExt as _;
use larder::{Cache, Caches, Key, cache_read};

#[cache_read(key = "number:{id}", ttl = 300, tags = ["number:{id}", "all"])]
async fn by_number(id: u64) -> Arc<String> {
    Arc::new(id.to_string())
}

#[cache_read(key = "text:{id}:{part}", ttl = 300, tags = ["text:{id}", "all"], namespace = "space")]
async fn by_text(id: &str, part: Option<u32>) -> Result<Arc<String>, std::io::Error> {
    Ok(Arc::new(format!("{id}{part:?}")))
}

#[cache_read(key = "aging:{id}", ttl = 300, early_ttl = 200, stale_for = 60, load_timeout = "1s", refresh, jitter = "10%", tags = ["aging:{id}", "all"], cache_err = 5)]
async fn aging(id: u64) -> Result<Arc<String>, String> {
    Ok(Arc::new(id.to_string()))
}

#[cache_read(key = "near:{id}", layer = "l1", tags = ["near:{id}", "all"])]
async fn near(id: u64) -> Arc<String> {
    Arc::new(id.to_string())
}

#[cache_read(key = "plain:{id:08}:{ids:join}:{name:hash}")]
fn plain(id: u64, ids: &[u32], name: &str) -> Arc<String> {
    Arc::new(format!("{id}{}{name}", ids.len()))
}

#[cache_read(key = "bad:{id}", cache_err = 60)]
async fn bad(id: u64) -> Result<u64, Arc<String>> {
    Err(Arc::new(id.to_string()))
}

/// One test, since the caches of a process are installed once.
#[test]
fn a_hit_allocates_nothing() {
    Caches::new(Cache::memory())
        .install()
        .expect("nothing else is installed");
    let cache = larder::cache();
    let hits = || {
        for id in 0..100 {
            by_number(id).now_or_never().expect("it is there");
            let text = by_text("a text with spaces: and a colon", Some(7)).now_or_never();
            text.expect("it is there").expect("it is loaded");
            let aged = aging(id).now_or_never().expect("it is there");
            assert!(aged.is_ok());
            near(id).now_or_never().expect("it is there");
            plain(id, &[1, 2, 3], "a name: with a colon");
            assert!(bad(id).now_or_never().expect("it is there").is_err());
            let direct = cache.get::<Arc<String>>("number:7").now_or_never();
            assert!(direct.expect("it is there").expect("it answers").is_some());
        }
    };
    by_number(7).now_or_never().expect("it loads at once");
    hits();
    for _ in 0..100 {
        let counted = allocation_counter::measure(hits);
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
    // The count counts.
    let counted = allocation_counter::measure(|| {
        std::hint::black_box(Key::new("x".repeat(200)));
    });
    assert!(counted.count_total > 0);
}
