//! How long after an invalidation has returned in one process is it heard in another: the time in which
//! process memory there may still serve what was invalidated.
//!
//! `cargo bench --bench heard`. Two handles of a store stand for two processes; they share nothing but the
//! server, which is started for this. It prints percentiles, idle and while 64 tasks read and fill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::store::{Claim, Expected, LeaseRequest, Nonce, Scopes, Store as _, Watcher};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::sync::mpsc;

const TASKS: usize = 64;

/// Sends the time at which the invalidation with each number was heard.
#[derive(Debug)]
struct Heard(mpsc::UnboundedSender<(Option<usize>, Instant)>);

impl Watcher for Heard {
    fn slot_changed(&self, key: &str) {
        if let Some(number) = key.strip_prefix(":measured:") {
            let _ = self.0.send((number.parse().ok(), Instant::now()));
        }
    }
    fn generation_changed(&self, _: &str) {}
    fn everything_changed(&self) {}
    fn lost(&self) {
        // The store says so at its own end, too, when nobody listens any more.
        assert!(self.0.is_closed(), "the server is there all the time");
    }
    fn regained(&self) {
        let _ = self.0.send((None, Instant::now()));
    }
}

#[tokio::main]
async fn main() {
    // As a test it only shows that it runs.
    let count = match std::env::args().any(|argument| argument == "--bench") {
        true => 10_000,
        false => 10,
    };
    let server = RedisServer::start().await;
    let store = RedisStore::builder(server.url()).connect().await;
    let one = store.expect("the server was started");
    let other = one.clone();
    let (heard, mut hearing) = mpsc::unbounded_channel();
    assert!(other.watch(Arc::new(Heard(heard))));
    hearing.recv().await.expect("it is regained");

    report("idle", measure(&one, &mut hearing, count).await);
    let load: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(work(one.clone(), task)))
        .collect();
    report("64 tasks at work", measure(&one, &mut hearing, count).await);
    for task in load {
        task.abort();
    }
}

/// From the return of each invalidation until it is heard; none if it was heard before.
async fn measure(
    store: &RedisStore,
    hearing: &mut mpsc::UnboundedReceiver<(Option<usize>, Instant)>,
    count: usize,
) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let key = format!(":measured:{number}");
        store.copy(&key, b"entry", None).await.expect("it answers");
        hearing.recv().await.expect("the store lives");
        let invalidated = store.invalidate(&[], &[key]).await;
        let returned = Instant::now();
        invalidated.expect("it answers");
        let (heard, at) = hearing.recv().await.expect("the store lives");
        assert_eq!(heard, Some(number));
        times.push(at.saturating_duration_since(returned));
    }
    times
}

/// Reads and fills other keys, one after the other.
async fn work(store: RedisStore, task: usize) {
    let scopes = [format!("tag:{task}")];
    for number in 0_u64.. {
        let key = format!(":load:{task}:{}", number % 100);
        let ttl = Some(Duration::from_secs(60));
        let read = store.read(&key, Scopes::Named(&scopes)).await;
        read.expect("it answers");
        if number % 10 != 0 {
            continue;
        }
        let token = Nonce::token(Claim::Replacing);
        let request = LeaseRequest {
            token,
            claim: Claim::Replacing,
            expected: Expected::Anything,
            lasts: Duration::from_secs(10),
            scopes: &scopes,
            ttl,
        };
        store.lease(&key, request).await.expect("it answers");
        let filled = store.fill(&key, token, &[0; 200], &scopes, ttl).await;
        filled.expect("it answers");
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what}: p50 {:?}, p99 {:?}, at most {:?}",
        at(50),
        at(99),
        times[times.len() - 1]
    );
}
