//! `recache`: calls after the invalidation.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use larder::{cache_read, cache_write};

use crate::{Calls, Opaque, User, with_cache};

#[tokio::test]
async fn it_runs_after_the_invalidation_and_before_the_return() {
    static ORIGIN: AtomicUsize = AtomicUsize::new(0);
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "user:{id}")]
    async fn get(id: u64) -> usize {
        let _ = id;
        CALLS.count();
        ORIGIN.load(Ordering::SeqCst)
    }
    #[cache_write(tags = ["user:{id}"], recache = get(id))]
    async fn set(id: u64, value: usize) {
        let _ = id;
        ORIGIN.store(value, Ordering::SeqCst);
    }
    with_cache(async {
        assert_eq!(get(1).await, 0);
        set(1, 5).await;
        assert_eq!(CALLS.so_far(), 2, "recached before the return");
        assert_eq!(get(1).await, 5);
        assert_eq!(CALLS.so_far(), 2, "a hit");
    })
    .await;
}

#[tokio::test]
async fn calls_may_share_consumed_arguments_and_use_what_was_returned() {
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    async fn see(what: String, id: u64) -> Result<(), Opaque> {
        SEEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("{what}{id}"));
        Err(Opaque)
    }
    #[cache_write(
        tags = ["t"],
        recache = [see(name, 1), see(name, ret.id), see(ret.name.clone(), 3)],
        recache_max_concurrency = 1
    )]
    async fn write(name: String) -> Result<User, Opaque> {
        if name.is_empty() {
            Err(Opaque)
        } else {
            Ok(User {
                id: 2,
                name: name + "!",
            })
        }
    }
    with_cache(async {
        assert!(
            write("a".to_owned()).await.is_ok(),
            "a failing recache does not fail the write"
        );
        assert!(write(String::new()).await.is_err());
        assert_eq!(
            *SEEN.lock().unwrap(),
            ["a1", "a2", "a!3"],
            "in order, and only after Ok"
        );
    })
    .await;
}

#[tokio::test]
async fn only_so_many_run_at_once() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    async fn run() {
        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(running, Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
    #[cache_write(tags = ["t"], recache = [run(), run(), run(), run(), run(), run()])]
    async fn usual() {}
    #[cache_write(
        tags = ["t"],
        recache = [run(), run(), run(), run(), run(), run()],
        recache_max_concurrency = 2
    )]
    async fn limited() {}
    with_cache(async {
        usual().await;
        assert_eq!(MOST.swap(0, Ordering::SeqCst), 4);
        limited().await;
        assert_eq!(MOST.load(Ordering::SeqCst), 2);
    })
    .await;
}

#[tokio::test]
async fn one_that_panics_does_not_fail_the_write() {
    async fn panics() {
        panic!("in a recache");
    }
    static CALLS: Calls = Calls::new();
    async fn counts() {
        CALLS.count();
    }
    #[cache_write(tags = ["t"], recache = [panics(), counts()])]
    async fn write() -> u8 {
        7
    }
    with_cache(async { assert_eq!(write().await, 7) }).await;
    assert_eq!(CALLS.so_far(), 1);
}

#[derive(Clone)]
struct Shop {
    stock: Vec<u64>,
}

impl Shop {
    #[cache_read(key = "size:{id}", skip(self))]
    async fn size(&self, id: u64) -> usize {
        self.stock.len() + id as usize
    }

    #[cache_read(key = "first:{id}", skip(self))]
    async fn first(self: Arc<Self>, id: u64) -> u64 {
        self.stock.first().copied().unwrap_or(id)
    }

    #[cache_write(tags = ["size:{id}"], recache = [self.size(id), self.size(self.stock[0])])]
    async fn add(&mut self, id: u64) {
        struct Inside(u64);
        impl Inside {
            fn number(&self) -> u64 {
                self.0
            }
        }
        self.stock.push(Inside(id).number());
    }

    #[cache_write(tags = ["size:{id}"], recache = [self.size(id)])]
    fn add_later(&mut self, id: u64) -> impl Future<Output = ()> {
        async move { self.stock.push(id) }
    }

    #[cache_write(
        tags = ["size:{id}", format!("{}:{ret}", self.stock.len())],
        recache = [self.size(id), self.size(7)]
    )]
    async fn consume(mut self, id: u64) -> usize {
        self.stock.push(id);
        let shop: Self = self;
        shop.stock.len()
    }

    #[cache_write(tags = ["first:{id}"], recache = [self.first(id)])]
    async fn replace(self: Arc<Self>, id: u64) -> usize {
        let shop: Arc<Self> = self;
        shop.stock.len()
    }
}

#[async_trait::async_trait]
trait Adds {
    async fn add_by_trait(&mut self, id: u64);
}

#[async_trait::async_trait]
impl Adds for Shop {
    #[cache_write(tags = ["size:{id}"], recache = [self.size(id)])]
    async fn add_by_trait(&mut self, id: u64) {
        self.stock.push(id);
    }
}

#[tokio::test]
async fn a_self_that_the_body_takes_is_there_for_the_calls() {
    with_cache(async {
        let mut shop = Shop { stock: vec![] };
        assert_eq!(shop.size(1).await, 1);
        shop.add(1).await;
        assert_eq!(shop.size(1).await, 2);
        shop.add_later(1).await;
        assert_eq!(shop.size(1).await, 3);
        shop.add_by_trait(1).await;
        assert_eq!(shop.size(1).await, 4);
        assert_eq!(shop.clone().consume(1).await, 4);
        assert_eq!(shop.size(1).await, 4, "by a clone from before the body");
        let shop = Arc::new(shop);
        assert_eq!(Arc::clone(&shop).replace(5).await, 3);
        assert_eq!(shop.first(5).await, 1);
    })
    .await;
}
