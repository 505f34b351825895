//! No event is handled more often than it should be: over two logs, over two caches, in a circle.

use larder::{Cache, Caches, emit, on_event};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

use crate::stage::{Test, here, in_time, tell};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_goes_to_two_logs_is_handled_once() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (mut a, mut b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        for process in [&mut a, &mut b] {
            let second = RedisStore::builder(server.url()).prefix("second");
            let second = second.connect().await.expect("it is there");
            let second = Cache::builder().store(second).build();
            process.caches = process.caches.clone().with("0", second);
        }
        let listening = a.listen().await;
        assert_eq!(listening.logs(), 2);
        b.emit_all(0..20).await;
        // An event on the other log alone: what it had to say before, it has said.
        for prefix in ["larder", "second"] {
            let store = RedisStore::builder(server.url()).prefix(prefix);
            let store = store.connect().await.expect("it is there");
            let last = test.with("last", Cache::builder().store(store).build());
            last.emit(20).await;
        }
        let mut heard = Vec::new();
        while heard.iter().filter(|number| **number == 20).count() < 2 {
            heard.push(test.heard_in(&a).await);
        }
        heard.sort_unstable();
        assert_eq!(heard, (0..=20).chain([20]).collect::<Vec<_>>());
        assert_eq!(a.stats().await.received, 22);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_caches_of_one_process_do_not_hand_an_event_back() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (mut a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        // This process: one cache to listen with, another one to emit with.
        let mut connected = Vec::new();
        for _ in 0..2 {
            let store = RedisStore::builder(server.url()).connect().await;
            let cache = Cache::builder().store(store.expect("it is there"));
            connected.push(Caches::new(cache.build()).with(&a.name, Cache::memory()));
        }
        let _listening = larder::listen(connected.swap_remove(0)).await;
        a.caches = connected.swap_remove(0);
        a.emit(1).await;
        b.emit(2).await;
        test.expect(&a, [1, 2]).await;
    })
    .await;
}

/// What an emitter tells that may not emit.
const END: u32 = u32::MAX - 1;

async fn answer(event: (u64, u32), place: &str, with: &str) {
    if here().ends_with(place) {
        tell(event.0, event.1);
        if emit(with, &(event.0, event.1 + 1)).await.is_err() {
            tell(event.0, END);
        }
    }
}

#[on_event("ping")]
async fn ping(event: (u64, u32)) {
    answer(event, ".a", "pong").await;
}

#[on_event("pong")]
async fn pong(event: (u64, u32)) {
    answer(event, ".b", "ping").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_answer_each_other_come_to_an_end() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut test = Test::new();
        let (a, b) = (
            test.process("a", &server.url()).await,
            test.process("b", &server.url()).await,
        );
        let _listening = (a.listen().await, b.listen().await);
        let emitted = a.run(emit("ping", &(test.number, 0_u32))).await;
        emitted.expect("it is encoded");
        let numbers = (0..=16).step_by(2).chain([END]);
        test.expect(&a, numbers).await;
    })
    .await;
}
