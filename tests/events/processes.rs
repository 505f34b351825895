//! What one process emits, the others hear: once where nothing fails, in order.

use larder::{Cache, Publication, emit, on_event};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

use crate::stage::{Test, here, in_time, tell};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_hears_it_in_order_and_one_s_own_events_are_not_heard_twice() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = (a.listen().await, b.listen().await);

        for number in 0..200 {
            let emitted = a.emit(number).await;
            assert_eq!((emitted.handled, emitted.failed), (1, 0));
            assert_eq!(emitted.published, Publication::Done);
        }
        // What a hears after all of these shows that it did not hear them again.
        b.emit(200).await;
        let mut heard_by_a = Vec::new();
        for _ in 0..2 * 201 {
            let (place, number) = test.heard().await;
            if place == a.name {
                heard_by_a.push(number);
            }
        }
        assert_eq!(heard_by_a, (0..=200).collect::<Vec<_>>());
        assert_eq!(b.stats().await.received, 200);
        assert_eq!(a.stats().await.received, 1);
        assert_eq!(a.stats().await.published, 200);
        assert_eq!(b.stats().await.gaps + a.stats().await.gaps, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_is_that_of_the_emitter() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = b.listen().await;
        a.emit_all(0..300).await;
        test.expect(&b, 0..300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_caches_on_one_log_are_one_listener() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let mut a = test.process("a", &server.url()).await;
        let second = RedisStore::builder(server.url()).connect().await;
        let second = Cache::builder().store(second.expect("it is there")).build();
        a.caches = a.caches.with("0", second);
        let b = test.process("b", &server.url()).await;
        let listening = a.listen().await;
        assert_eq!(listening.logs(), 1);

        assert_eq!(a.emit(0).await.published, Publication::Done);
        b.emit_all(1..3).await;
        test.expect(&a, 0..3).await;
        assert_eq!(a.stats().await.published, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_prefixes_and_versions_are_other_logs() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let a = test.process("a", &server.url()).await;
        let _listening = a.listen().await;
        for (prefix, version) in [("other", "v1"), ("larder", "v2")] {
            let builder = RedisStore::builder(server.url())
                .prefix(prefix)
                .version(version);
            let store = builder.connect().await.expect("it is there");
            let other = test.with("other", Cache::builder().store(store).build());
            assert_eq!(other.emit(1).await.published, Publication::Done);
        }
        let b = test.process("b", &server.url()).await;
        b.emit(2).await;
        test.expect(&a, [2]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_stopped_or_dropped_hears_nothing_more() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let witness = test.process("witness", &server.url()).await;
        let listening = a.listen().await;
        b.emit(1).await;
        test.expect(&a, [1]).await;
        listening.stop().await;
        let _listening = witness.listen().await;
        b.emit(2).await;
        test.expect(&witness, [2]).await;
        assert!(test.rest().iter().all(|(place, _)| *place != a.name));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_shared_store_an_event_stays_here() {
    in_time(async {
        let mut test = Test::new();
        let a = test.with("a", Cache::memory());
        assert_eq!(a.listen().await.logs(), 0);
        assert_eq!(a.emit(1).await.published, Publication::Local);
        test.expect(&a, [1]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_with_a_name_goes_on_where_it_had_been() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (first, second, b) = (
            test.process("first", &server.url()).await,
            test.process("second", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let listening = larder::listen(first.caches.clone()).named("worker").await;
        b.emit_all(0..3).await;
        test.expect(&first, 0..3).await;
        listening.stop().await;
        b.emit_all(3..6).await;

        // Started again, it has nothing in common with the first but the name.
        let listening = larder::listen(second.caches.clone()).named("worker").await;
        b.emit(6).await;
        test.expect(&second, 3..7).await;
        assert_eq!(second.stats().await.gaps, 0);
        listening.stop().await;
    })
    .await;
}

/// Nothing was handled before, so nothing but the start itself can have kept the place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_with_a_name_keeps_its_place_on_a_log_that_was_quiet() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let listening = larder::listen(a.caches.clone()).named("worker").await;
        listening.stop().await;
        b.emit(1).await;
        let _listening = larder::listen(a.caches.clone()).named("worker").await;
        b.emit(2).await;
        test.expect(&a, [1, 2]).await;
        assert_eq!(a.stats().await.gaps, 0);
    })
    .await;
}

/// Handles nothing in the process called `first`.
#[on_event("only.second")]
async fn only_second(event: (u64, u32)) -> Result<(), String> {
    tell(event.0, event.1);
    if here().ends_with(".first") {
        return Err("not here".to_owned());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_before_a_retry_succeeded_gets_the_event_again() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (first, second, b) = (
            test.process("first", &server.url()).await,
            test.process("second", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let listening = larder::listen(first.caches.clone()).named("worker").await;
        b.emit(0).await;
        let failing = b.run(emit("only.second", &(test.number, 1))).await;
        assert_eq!(failing.expect("it is encoded").handled, 1);
        b.emit(2).await;
        test.expect(&first, 0..3).await;
        listening.stop().await;

        let _listening = larder::listen(second.caches.clone()).named("worker").await;
        test.expect(&second, [1, 2]).await;
        assert_eq!(second.stats().await.gaps, 0);
    })
    .await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn two_processes_of_the_operating_system_hear_each_other() {
    let server = RedisServer::start().await;
    let test = std::env::current_exe().expect("this test is a file");
    let built = test.parent().and_then(|deps| deps.parent());
    let example = built
        .expect("it is in target/*/deps")
        .join("examples/events");
    let output = tokio::process::Command::new(example)
        .arg(server.url())
        .env_remove("CACHE_URL")
        .env_remove("REDIS_URL")
        .output();
    let output = in_time(output)
        .await
        .expect("build it: cargo build --all-features --example events");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("second hears that user 7 was updated"),
        "{text}"
    );
    assert!(
        text.contains("second loads again, from its own memory: user 7, version 2"),
        "{text}"
    );
}
