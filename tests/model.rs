//! Random sequences of operations have the same answers from process memory, from Redis, and from a
//! plain map that says what each operation means.

mod model {
    pub(crate) mod answer;
    pub(crate) mod map;
    pub(crate) mod operation;
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use larder::{Cache, Clock};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use self::model::answer::{self, Answer};
use self::model::map::Map;
use self::model::operation::{NAMES, NAMESPACES, Operation, operation};

/// How many sequences are tried, and how long they are at most: about ten seconds.
const SEQUENCES: u32 = 150;
const LONGEST: usize = 60;

#[test]
fn memory_redis_and_a_plain_map_give_the_same_answers() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("the operating system gives threads");
    let server = runtime.block_on(RedisServer::start());
    let sequences = AtomicUsize::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: SEQUENCES,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(
        &prop::collection::vec(operation(), 1..LONGEST),
        |operations| {
            let prefix = format!("sequence-{}", sequences.fetch_add(1, Ordering::Relaxed));
            runtime.block_on(same_answers(&server, &prefix, &operations))
        },
    );
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Gives each operation to the map, to process memory, and to one of two processes on Redis.
async fn same_answers(
    server: &RedisServer,
    prefix: &str,
    operations: &[Operation],
) -> Result<(), TestCaseError> {
    let clock = Clock::hand_wound();
    let memory = Cache::builder().clock(clock.clone()).build();
    let processes = [
        process(server, prefix, &clock).await,
        process(server, prefix, &clock).await,
    ];
    let began = answer::now(&memory).await;
    let mut map = Map::default();
    for (turn, operation) in operations.iter().enumerate() {
        if let Operation::Advance(by) = operation {
            clock.advance(Duration::from_millis(*by));
        }
        // A load names the tags that its entry has: two callers that disagree are two programs.
        let operation = map.with_known_tags(operation);
        let expected = map.answer(&operation);
        let redis = &processes[turn % 2];
        for (name, cache) in [("memory", &memory), ("redis", redis)] {
            let answer = Answer::of(cache, &operation, began).await;
            prop_assert_eq!(
                &answer,
                &expected,
                "{}, turn {}: {:?}",
                name,
                turn,
                operation
            );
        }
        // And whatever it did to any key is the same.
        let left: Vec<Answer> = questions().map(|ttl| map.answer(&ttl)).collect();
        for (name, cache) in [("memory", &memory), ("redis", redis)] {
            let answers =
                questions().map(|ttl| async move { Answer::of(cache, &ttl, began).await });
            let answers = join_all(answers).await;
            prop_assert_eq!(
                &answers,
                &left,
                "{}, after turn {}: {:?}",
                name,
                turn,
                operation
            );
        }
    }
    Ok(())
}

/// What is left of each key.
fn questions() -> impl Iterator<Item = Operation> {
    let names = NAMES
        .iter()
        .flat_map(|name| NAMESPACES.map(|namespace| (*name, namespace)));
    names.map(Operation::Ttl)
}

async fn process(server: &RedisServer, prefix: &str, clock: &Clock) -> Cache {
    let store = RedisStore::builder(server.url())
        .prefix(prefix)
        .connect()
        .await
        .expect("the server is there");
    Cache::builder()
        .store(store)
        .clock(clock.clone())
        .time_budget(Duration::from_secs(10))
        .build()
}
