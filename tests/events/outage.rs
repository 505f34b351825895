//! Servers that are away, silent or forgetful, and logs with something else in them.

use std::time::{Duration, Instant};

use larder::{Cache, Publication, emit};
use larder_redis::RedisStore;
use larder_testkit::{Fault, FaultProxy, RedisServer};
use tokio::time::timeout;

use crate::stage::{GAP, Process, Test, in_time};

const STREAM: &str = "larder:v1:#events";

async fn raw(server: &RedisServer, command: &str, arguments: &[&[u8]]) {
    let store = RedisStore::builder(server.url()).connect().await;
    let mut connection = store
        .expect("it is there")
        .connection()
        .expect("it is one server");
    redis::cmd(command)
        .arg(STREAM)
        .arg(arguments)
        .exec_async(&mut connection)
        .await
        .expect("it is taken");
}

/// A process that listens through a proxy, and one that emits past it.
async fn cut_off(server: &RedisServer, test: &mut Test) -> (FaultProxy, Process, Process) {
    let proxy = FaultProxy::start(server.port()).await;
    let a = test.process("a", &proxy.url()).await;
    let b = test.process("b", &server.url()).await;
    (proxy, a, b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_cut_off_gets_what_it_missed_in_order() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (proxy, a, b) = cut_off(&server, &mut test).await;
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;

        proxy.set(Fault::Cut);
        b.emit_all(1..250).await;
        proxy.set(Fault::None);
        test.expect(&a, 1..250).await;
        assert_eq!(a.stats().await.gaps, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_outlives_a_crash_of_a_server_that_keeps_its_data() {
    in_time(async {
        let server = RedisServer::builder().append_only().start().await;
        let mut test = Test::new();
        let (proxy, a, b) = cut_off(&server, &mut test).await;
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;

        proxy.set(Fault::Cut);
        b.emit_all(1..3).await;
        server.kill();
        // Kept, and appended when the server is back.
        assert_eq!(b.emit(3).await.published, Publication::Queued);
        assert_eq!(b.emit(4).await.published, Publication::Queued);
        server.restart().await;
        proxy.set(Fault::None);
        test.expect(&a, 1..5).await;
        assert_eq!(a.stats().await.gaps, 0);
        b.caches.default_cache().settle().await;
        assert_eq!(b.stats().await.queued, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_trimmed_before_it_was_read_is_a_gap_and_clears_the_caches() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (proxy, a, b) = cut_off(&server, &mut test).await;
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;
        a.memory().set("key", &1_u8).await.expect("memory takes it");

        proxy.set(Fault::Cut);
        b.emit_all(1..5).await;
        raw(&server, "XTRIM", &[b"MAXLEN", b"=", b"2"]).await;
        proxy.set(Fault::None);
        test.expect(&a, [GAP, 3, 4]).await;
        assert_eq!(a.stats().await.gaps, 1);
        assert_eq!(a.memory().get::<u8>("key").await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trimming_what_was_read_is_no_gap() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (proxy, a, b) = cut_off(&server, &mut test).await;
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;

        proxy.set(Fault::Cut);
        b.emit(1).await;
        raw(&server, "XTRIM", &[b"MAXLEN", b"=", b"1"]).await;
        proxy.set(Fault::None);
        test.expect(&a, [1]).await;
        assert_eq!(a.stats().await.gaps, 0);
    })
    .await;
}

/// Nothing is emitted afterwards that could show it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_its_data_is_a_gap_when_it_is_back() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;
        server.restart().await;
        test.expect(&a, [GAP]).await;
        while b.emit(1).await.published != Publication::Done {}
        test.expect(&a, [1]).await;
        assert_eq!(a.stats().await.gaps, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_is_skipped_and_counted() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = a.listen().await;
        let long = vec![b'x'; 70_000];
        for fields in [
            &[b"*", b"\xff\x00" as &[u8], b"\xff"][..],
            &[b"*", b"event", b"\xff"],
            &[b"*", b"event", b"noted", b"origin", b"short"],
            &[b"*", b"event", b"noted", b"payload", &long],
        ] {
            raw(&server, "XADD", fields).await;
        }
        b.emit(1).await;
        test.expect(&a, [1]).await;
        let stats = a.stats().await;
        assert_eq!((stats.undecodable, stats.received, stats.gaps), (4, 1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_can_emit_with_a_name_and_a_payload() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let a = test.process("a", &server.url()).await;
        let _listening = a.listen().await;
        let payload = format!("{{\"test\":{},\"number\":7,\"more\":[]}}", test.number);
        let fields = [b"*", b"event" as &[u8], b"noted", b"payload"];
        raw(
            &server,
            "XADD",
            &[&fields[..], &[payload.as_bytes()]].concat(),
        )
        .await;
        test.expect(&a, [7]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_costs_an_emit_its_time_budget_and_gets_the_event_later() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let a = test.process("a", &server.url()).await;
        let budget = Duration::from_millis(50);
        let b = test.hasty("b", &server.url(), budget).await;
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;

        server.pause();
        let began = Instant::now();
        let emitted = b.emit(1).await;
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(
            (emitted.handled, emitted.published),
            (1, Publication::Queued)
        );
        // Behind the first, and without another wait.
        assert_eq!(b.emit(2).await.published, Publication::Queued);
        assert_eq!(b.stats().await.queued, 2);
        server.resume();
        // At least once: the server may also have got what it did not answer.
        while test.heard_in(&a).await != 2 {}
        b.caches.default_cache().settle().await;
        assert_eq!(b.stats().await.queued, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_can_be_kept_is_a_gap_for_the_others() {
    in_time(async {
        let server = RedisServer::builder().append_only().start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = a.listen().await;
        server.kill();
        b.emit_all(0..1_002).await;
        assert_eq!(b.stats().await.queued, 2);
        server.restart().await;
        test.expect(&a, [GAP, 1_001]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_emit_is_published_all_the_same() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (proxy, a, b) = cut_off(&server, &mut test).await;
        let _listening = b.listen().await;
        a.caches.default_cache().ping().await.expect("it is there");
        proxy.set(Fault::Blackhole);
        let emitting = a.run(emit("noted", &a.noted(7)));
        timeout(Duration::ZERO, emitting)
            .await
            .expect_err("nothing arrives");
        proxy.set(Fault::None);
        test.expect(&b, [7]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_can_start_before_its_server() {
    in_time(async {
        let server = RedisServer::start().await;
        server.kill();
        let mut test = Test::new();
        let store = RedisStore::builder(server.url()).start_degraded(true);
        let store = store.connect().await.expect("it starts all the same");
        let a = test.with("a", Cache::builder().store(store).build());
        let _listening = a.listen().await;
        a.memory().set("key", &1_u8).await.expect("memory takes it");
        server.restart().await;
        // What was emitted before it could listen may have been missed.
        test.expect(&a, [GAP]).await;
        assert_eq!(a.memory().get::<u8>("key").await.expect("it answers"), None);
        let b = test.process("b", &server.url()).await;
        b.emit(1).await;
        test.expect(&a, [1]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_leaves_what_all_processes_share_and_clears_other_stores() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (proxy, mut a, b) = cut_off(&server, &mut test).await;
        // A cache on the same server whose log nobody writes to.
        let other = RedisStore::builder(server.url()).prefix("other");
        let other = Cache::builder()
            .store(other.connect().await.expect("it is there"))
            .build();
        a.caches = a.caches.clone().with("0", other.clone());
        let _listening = a.listen().await;
        b.emit(0).await;
        test.expect(&a, [0]).await;
        let shared = b.caches.default_cache();
        for cache in [shared, &other] {
            cache.set("key", &1_u8).await.expect("it is taken");
        }

        proxy.set(Fault::Cut);
        b.emit_all(1..5).await;
        raw(&server, "XTRIM", &[b"MAXLEN", b"=", b"2"]).await;
        proxy.set(Fault::None);
        test.expect(&a, [GAP, 3, 4]).await;
        assert_eq!(shared.get("key").await.expect("it answers"), Some(1_u8));
        assert_eq!(other.get::<u8>("key").await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_start_leaves_what_all_processes_share() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let a = test
            .hasty("a", &server.url(), Duration::from_millis(100))
            .await;
        let b = test.process("b", &server.url()).await;
        let shared = b.caches.default_cache();
        shared.set("key", &1_u8).await.expect("it is taken");
        server.pause();
        let _listening = a.listen().await;
        server.resume();
        test.expect(&a, [GAP]).await;
        assert_eq!(shared.get("key").await.expect("it answers"), Some(1_u8));
    })
    .await;
}

/// An event as another program appends it.
async fn raw_event(server: &RedisServer, id: &[u8], test: &Test, number: u32) {
    let payload = format!("{{\"test\":{},\"number\":{number}}}", test.number);
    let fields = [id, b"event", b"noted", b"payload", payload.as_bytes()];
    raw(server, "XADD", &fields).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trimmed_entries_of_other_programs_are_a_gap_too() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let a = test.process("a", &server.url()).await;
        let listening = larder::listen(a.caches.clone()).named("worker").await;
        raw_event(&server, b"*", &test, 0).await;
        raw_event(&server, b"*", &test, 1).await;
        test.expect(&a, [0, 1]).await;
        listening.stop().await;
        for number in 2..5 {
            raw_event(&server, b"*", &test, number).await;
        }
        let shared = a.caches.default_cache();
        shared.set("key", &1_u8).await.expect("it is taken");
        raw(&server, "XTRIM", &[b"MAXLEN", b"=", b"1"]).await;

        let _listening = larder::listen(a.caches.clone()).named("worker").await;
        test.expect(&a, [GAP, 4]).await;
        assert_eq!(a.stats().await.gaps, 1);
        // Whoever emitted has no handlers that could have invalidated it.
        assert_eq!(shared.get::<u8>("key").await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_begins_anew_behind_an_entry_that_has_the_last_place_of_all() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = a.listen().await;
        let last = format!("{0}-{0}", u64::MAX);
        raw_event(&server, last.as_bytes(), &test, 1).await;
        test.expect(&a, [1]).await;
        assert_eq!(b.emit(2).await.published, Publication::Done);
        test.expect(&a, [GAP]).await;
        b.emit(3).await;
        while test.heard_in(&a).await != 3 {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_begins_anew_where_something_else_has_its_key() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        raw(&server, "SET", &[b"something else"]).await;
        let _listening = a.listen().await;
        assert_eq!(b.emit(1).await.published, Publication::Done);
        test.expect(&a, [GAP]).await;
        b.emit(2).await;
        while test.heard_in(&a).await != 2 {}
    })
    .await;
}
