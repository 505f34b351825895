//! Functions that are not `async`: cached in process memory.

use std::sync::{Arc, OnceLock};
use std::thread;

use larder::{Cache, Caches, cache_read, cache_write};

use crate::{Calls, Opaque};

/// A value that no store could keep.
#[derive(Clone)]
struct Parsed(Arc<str>);

fn with_cache<T>(test: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let scoped = Caches::single(Cache::memory()).scope(async { test() });
    runtime.expect("it starts").block_on(scoped)
}

#[test]
fn they_are_cached_with_their_companion() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "parsed:{text}", tags = ["texts"])]
    fn parse(text: &str) -> Result<Parsed, Opaque> {
        let call = CALLS.count();
        if text.is_empty() {
            return Err(Opaque);
        }
        let number: usize = "1".parse().map_err(|_: std::num::ParseIntError| Opaque)?;
        Ok(Parsed(format!("{text}{}", call + number).into()))
    }
    with_cache(|| {
        assert!(parse("").is_err() && parse("").is_err());
        assert_eq!(
            parse("a").ok().as_ref().map(|parsed| &*parsed.0),
            Some("a4")
        );
        let again = parse("a").ok().expect("it is there");
        assert_eq!((&*again.0, CALLS.so_far()), ("a4", 3));
        assert_eq!(parse::key("a").as_str(), "parsed:a");
        let peeked = parse::peek("a").expect("it answers");
        assert_eq!(peeked.as_ref().map(|parsed| &*parsed.0), Some("a4"));
        assert_eq!(
            parse::refresh("a").ok().as_ref().map(|parsed| &*parsed.0),
            Some("a5")
        );
        parse::invalidate("a").expect("it is configured");
        assert!(parse::peek("a").expect("it answers").is_none());
        parse::prime("a", &Parsed("primed".into())).expect("it is stored");
        assert_eq!(
            parse("a").ok().as_ref().map(|parsed| &*parsed.0),
            Some("primed")
        );
        assert_eq!(parse::stats().hits, 2);
    });
}

#[test]
fn callers_on_other_threads_wait_for_the_load() {
    static CALLS: Calls = Calls::new();
    static STARTED: OnceLock<()> = OnceLock::new();
    static GATE: OnceLock<()> = OnceLock::new();
    #[cache_read(key = "slow:{id}")]
    fn slow(id: u64) -> u64 {
        CALLS.count();
        STARTED.get_or_init(|| ());
        GATE.wait();
        id
    }
    // On the usual caches, which every thread uses.
    thread::scope(|threads| {
        let callers: Vec<_> = (0..8).map(|_| threads.spawn(|| slow(7))).collect();
        STARTED.wait();
        GATE.get_or_init(|| ());
        for caller in callers {
            assert_eq!(caller.join().expect("it returns"), 7);
        }
    });
    assert_eq!(CALLS.so_far(), 1);
}

struct Shop {
    tenant: String,
    calls: Calls,
}

impl Shop {
    #[cache_read(key = "price:{self.tenant}:{id}", tags = ["{self.tenant}"])]
    fn price(&self, id: u64) -> usize {
        self.calls.count() + id as usize
    }

    #[cache_read(key = "mut:{self.tenant}", tags = ["{self.tenant}"])]
    fn exclusive(&mut self) -> usize {
        self.tenant.push('!');
        self.calls.count()
    }

    #[cache_read(associated)]
    fn hashed(id: u64, (a, b): (u8, u8)) -> u64 {
        id + u64::from(a + b)
    }

    #[cache_read(key = "generic:{id}", skip(self, value))]
    fn generic<T: Clone + Send + Sync + 'static>(&self, id: u64, value: impl Fn(u64) -> T) -> T {
        self.calls.count();
        value(id)
    }

    #[cache_write(tags = ["{self.tenant}"])]
    async fn reprice(&self) {}
}

trait Named {
    #[cache_read(key = "name:{id}", skip(self))]
    fn name(&self, id: u64) -> String {
        format!("{id}{}", self.suffix())
    }

    fn suffix(&self) -> char;
}

impl Named for Shop {
    fn suffix(&self) -> char {
        self.calls.count();
        '!'
    }
}

#[test]
fn methods_and_functions_of_types_and_traits_are_cached() {
    let shop = |tenant: &str| Shop {
        tenant: tenant.to_owned(),
        calls: Calls::new(),
    };
    with_cache(|| {
        let (mut a, b) = (shop("a"), shop("b"));
        assert_eq!((a.price(1), a.price(1), b.price(1)), (2, 2, 2));
        assert_eq!((a.exclusive(), a.tenant.as_str()), (2, "a!"));
        assert_eq!(shop("a").exclusive(), 2);
        assert_eq!((Shop::hashed(1, (2, 3)), Shop::hashed(1, (2, 3))), (6, 6));
        assert_eq!((b.name(1), b.name(1)), ("1!".to_owned(), "1!".to_owned()));
        let twice = |id| [id, id];
        assert_eq!((b.generic(1, twice), b.generic(1, twice)), ([1, 1], [1, 1]));
        assert_eq!(b.calls.so_far(), 3);
    });
}

#[tokio::test]
async fn a_write_reaches_them() {
    crate::with_cache(async {
        let shop = Shop {
            tenant: "w".to_owned(),
            calls: Calls::new(),
        };
        assert_eq!((shop.price(0), shop.price(0)), (1, 1));
        shop.reprice().await;
        assert_eq!(shop.price(0), 2);
    })
    .await;
}
