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
