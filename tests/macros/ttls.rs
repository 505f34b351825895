//! `ttl`: how long an entry is used.

use std::time::Duration;

use larder::{Cache, Caches, Clock, cache_read};

use crate::Calls;

const HOUR: Duration = Duration::from_secs(3_600);

/// How many loads a function makes: before, just before and just after `ttl` passed.
macro_rules! loads_around {
    ($ttl:expr, $load:ident($($argument:expr),*), $calls:ident) => {{
        let clock = Clock::hand_wound();
        let cache = Cache::builder().clock(clock.clone()).build();
        Caches::single(cache).scope(async {
            let before = $calls.so_far();
            $load($($argument),*).await;
            clock.advance($ttl - Duration::from_millis(1));
            $load($($argument),*).await;
            let fresh = $calls.so_far() - before;
            clock.advance(Duration::from_millis(1));
            $load($($argument),*).await;
            (fresh, $calls.so_far() - before)
        }).await
    }};
}

#[tokio::test]
async fn each_form_of_ttl_is_kept() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "a", ttl = 90)]
    async fn seconds() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = "1h 30m")]
    async fn text() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = "1500ms")]
    async fn millis() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = short)]
    async fn short() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = default)]
    async fn default() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a")]
    async fn left_out() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = long)]
    async fn long() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = HOUR)]
    async fn constant() -> usize {
        CALLS.count()
    }
    #[cache_read(key = "a:{minutes}", ttl = Duration::from_secs(60 * minutes))]
    async fn computed(minutes: u64) -> usize {
        let _ = minutes;
        CALLS.count()
    }
    #[cache_read(key = "a", ttl = larder::Ttl::Short)]
    async fn typed() -> usize {
        CALLS.count()
    }
    let seconds_of = Duration::from_secs;
    assert_eq!(loads_around!(seconds_of(90), seconds(), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(5_400), text(), CALLS), (1, 2));
    assert_eq!(
        loads_around!(Duration::from_millis(1_500), millis(), CALLS),
        (1, 2)
    );
    assert_eq!(loads_around!(seconds_of(30), short(), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(300), default(), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(300), left_out(), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(3_600), long(), CALLS), (1, 2));
    assert_eq!(loads_around!(HOUR, constant(), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(120), computed(2), CALLS), (1, 2));
    assert_eq!(loads_around!(seconds_of(30), typed(), CALLS), (1, 2));
}

#[tokio::test]
async fn never_is_until_invalidated() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "a", ttl = never)]
    async fn load() -> usize {
        CALLS.count()
    }
    assert_eq!(loads_around!(HOUR * 24 * 365 * 50, load(), CALLS), (1, 1));
}
