//! Processes to emit in and to listen in, and an event whose handler tells the test where it ran.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, Caches, Emitted, EventStats, Gap, Listening, emit, event_stats, on_event};
use larder_redis::RedisStore;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the tests emit: each has a number of its own, so that they do not hear each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Noted {
    test: u64,
    number: u32,
}

/// A sender for each test.
static EARS: Mutex<Option<HashMap<u64, UnboundedSender<Heard>>>> = Mutex::new(None);

/// In which process a handler ran, and for what.
pub(crate) type Heard = (String, u32);

#[on_event("noted")]
async fn note(event: Noted) {
    tell(event.test, event.number);
}

/// The number that stands for a gap.
pub(crate) const GAP: u32 = u32::MAX;

#[on_event(Gap::EVENT)]
async fn note_gap(_gap: &Gap) {
    // Which test it belongs to is in the name of the cache.
    if let Some((test, _)) = here().split_once('.') {
        tell(test.parse().expect("a number"), GAP);
    }
}

/// The process that this code runs in: its caches have a cache of that name.
pub(crate) fn here() -> String {
    let caches = Caches::current();
    caches.names().last().expect("there is one").to_owned()
}

pub(crate) fn tell(test: u64, number: u32) {
    let ears = EARS.lock().expect("nothing panics");
    if let Some(ear) = ears.as_ref().and_then(|ears| ears.get(&test)) {
        // A test that has ended no longer listens.
        let _ = ear.send((here(), number));
    }
}

/// One test, and what its handlers tell.
pub(crate) struct Test {
    pub(crate) number: u64,
    heard: UnboundedReceiver<Heard>,
}

impl Test {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (ear, heard) = unbounded_channel();
        let mut ears = EARS.lock().expect("nothing panics");
        ears.get_or_insert_default().insert(number, ear);
        Self { number, heard }
    }

    /// A process with these caches on a server.
    pub(crate) async fn process(&self, name: &str, url: &str) -> Process {
        self.hasty(name, url, Duration::from_secs(10)).await
    }

    /// The same with this time budget.
    pub(crate) async fn hasty(&self, name: &str, url: &str, budget: Duration) -> Process {
        let store = RedisStore::builder(url).connect().await;
        let store = store.expect("the server is there");
        let cache = Cache::builder().store(store).time_budget(budget).build();
        self.with(name, cache)
    }

    pub(crate) fn with(&self, name: &str, cache: Cache) -> Process {
        let name = format!("{}.{name}", self.number);
        Process {
            test: self.number,
            caches: Caches::new(cache)
                .with(&name, Cache::memory())
                .as_another_process(),
            name,
        }
    }

    /// What is heard next, wherever.
    pub(crate) async fn heard(&mut self) -> Heard {
        self.heard.recv().await.expect("it stays open")
    }

    /// The next number that was heard in this process.
    pub(crate) async fn heard_in(&mut self, process: &Process) -> u32 {
        loop {
            let (place, number) = self.heard().await;
            if place == process.name {
                return number;
            }
        }
    }

    /// As many numbers as these, in order.
    pub(crate) async fn expect(
        &mut self,
        process: &Process,
        numbers: impl IntoIterator<Item = u32>,
    ) {
        for number in numbers {
            assert_eq!(self.heard_in(process).await, number);
        }
    }

    /// Everything that was heard so far and not yet asked for.
    pub(crate) fn rest(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

/// What a process would have: caches, among them one in process memory with its name.
pub(crate) struct Process {
    test: u64,
    pub(crate) name: String,
    pub(crate) caches: Caches,
}

impl Process {
    pub(crate) fn noted(&self, number: u32) -> Noted {
        Noted {
            test: self.test,
            number,
        }
    }

    pub(crate) async fn emit(&self, number: u32) -> Emitted {
        let emitted = self.run(emit("noted", &self.noted(number))).await;
        emitted.expect("it can be encoded")
    }

    pub(crate) async fn emit_all(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.emit(number).await;
        }
    }

    pub(crate) async fn listen(&self) -> Listening {
        larder::listen(self.caches.clone()).await
    }

    pub(crate) async fn run<F: Future>(&self, future: F) -> F::Output {
        larder::scope(self.caches.clone(), future).await
    }

    pub(crate) async fn stats(&self) -> EventStats {
        self.run(async { event_stats() }).await
    }

    /// The cache in process memory.
    pub(crate) fn memory(&self) -> &Cache {
        self.caches.named(&self.name).expect("it is there")
    }
}

/// A test that hangs fails: this is the only thing the limit is for. Where tests are meant to fail,
/// it is set lower.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let limit = std::env::var("LARDER_TEST_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(60));
    tokio::time::timeout(limit, test)
        .await
        .expect("nothing hangs")
}
