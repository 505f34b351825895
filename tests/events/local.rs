//! Handlers in this process: what they get, what they see, and what becomes of those that fail.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use larder::{Cache, Handler, HandlerStats, cache_read, emit, handlers, on_event};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::stage::in_time;

fn handler(name: &str) -> &'static Handler {
    handlers()
        .find(|handler| handler.function().ends_with(name))
        .expect("it is registered")
}

/// handled, failed, retried, given up
fn counts(name: &str) -> (u64, u64, u64, u64) {
    let HandlerStats {
        handled,
        failed,
        retried,
        given_up,
        ..
    } = handler(name).stats();
    (handled, failed, retried, given_up)
}

#[derive(Debug, Serialize, Deserialize)]
struct Paid {
    order: u64,
    by: String,
}

static PAID: AtomicU64 = AtomicU64::new(0);

#[cache_read(key = "state:{order}")]
async fn state(order: u64) -> u64 {
    order + PAID.load(Ordering::SeqCst)
}

#[on_event("order.paid")]
async fn drop_state(event: Paid) -> Result<(), larder::Error> {
    assert_eq!(event.by, "ada");
    state::invalidate(event.order).await.map(drop)
}

/// Another handler needs other fields of the same event.
#[on_event("order.paid")]
async fn take_note(event: &Order) -> std::io::Result<u64> {
    PAID.fetch_add(event.order, Ordering::SeqCst);
    tokio::task::yield_now().await;
    Ok(event.order)
}

#[derive(Deserialize)]
struct Order {
    order: u64,
}

#[tokio::test]
async fn when_emit_returns_every_handler_has_run_and_nothing_older_is_served() {
    let cache = Cache::memory();
    larder::scope(cache.clone(), async {
        assert_eq!(state(7).await, 7);
        let paid = Paid {
            order: 7,
            by: "ada".to_owned(),
        };
        let emitted = emit("order.paid", &paid).await.expect("it is encoded");
        assert_eq!((emitted.handled, emitted.failed), (2, 0));
        assert_eq!(state(7).await, 14);
        // The function itself is still there.
        assert_eq!(take_note(&Order { order: 1 }).await.expect("it works"), 1);
        let emitted = emit("order.shipped", &paid).await.expect("it is encoded");
        assert_eq!(emitted.handled + emitted.failed, 0);
    })
    .await;
    assert_eq!(cache.stats().loads, 2);
    assert_eq!(handler("::take_note").event(), "order.paid");
}

/// Fails until it is asked for the third time.
#[on_event("third.time")]
async fn third_time(_event: ()) -> Result<(), String> {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    match TIMES.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Err("not yet".to_owned()),
        _ => {
            let done = larder::cache().set("done", &true).await;
            done.map_err(|error| error.to_string())?;
            DONE.add_permits(1);
            Ok(())
        }
    }
}

static DONE: Semaphore = Semaphore::const_new(0);

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_tried_again_after_growing_pauses_with_the_same_caches() {
    let cache = Cache::memory();
    let began = Instant::now();
    let emitted = larder::scope(cache.clone(), emit("third.time", &()))
        .await
        .expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (0, 1));
    assert_eq!(began.elapsed(), Duration::ZERO);
    DONE.acquire().await.expect("it stays open").forget();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took <= Duration::from_millis(700), "{took:?}");
    assert_eq!(cache.get("done").await.expect("it answers"), Some(true));
    assert_eq!(counts("::third_time"), (1, 2, 2, 0));
}

#[on_event("hopeless")]
async fn hopeless(_event: ()) -> anyhow::Result<()> {
    anyhow::bail!("never")
}

#[on_event("hopeless")]
async fn hopeful(_event: ()) {}

#[tokio::test(start_paused = true)]
async fn a_handler_that_always_fails_is_given_up_and_counted() {
    let emitted = emit("hopeless", &()).await.expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (1, 1));
    while counts("::hopeless").3 == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(counts("::hopeless"), (0, 7, 6, 1));
    assert_eq!(counts("::hopeful"), (1, 0, 0, 0));
}

#[on_event("panic")]
async fn panicking(_event: ()) {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    assert!(TIMES.fetch_add(1, Ordering::SeqCst) > 0, "once");
    CALM.add_permits(1);
}

static CALM: Semaphore = Semaphore::const_new(0);

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_like_any_other() {
    let emitted = emit("panic", &()).await.expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (0, 1));
    CALM.acquire().await.expect("it stays open").forget();
    assert_eq!(counts("::panicking"), (1, 1, 1, 0));
}

#[on_event("other.shape")]
async fn other_shape(event: Order) {
    assert_eq!(event.order, 7);
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_a_handler_cannot_use_is_not_tried_again() {
    for payload in ["7", "{}", "{\"order\":\"seven\"}"] {
        let payload: serde_json::Value = serde_json::from_str(payload).expect("it is JSON");
        let emitted = emit("other.shape", &payload).await.expect("it is encoded");
        assert_eq!((emitted.handled, emitted.failed), (0, 1));
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(counts("::other_shape"), (0, 3, 0, 3));
}

#[on_event("hang")]
async fn hanging(_event: ()) {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_a_failure_after_half_a_minute() {
    let began = Instant::now();
    let emitted = emit("hang", &()).await.expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (0, 1));
    assert!(began.elapsed() >= Duration::from_secs(30));
    assert!(began.elapsed() < Duration::from_secs(31));
}

static OPEN: Semaphore = Semaphore::const_new(0);
static ENDED: Semaphore = Semaphore::const_new(0);

#[on_event("slow")]
async fn slow(_event: ()) {
    OPEN.acquire().await.expect("it stays open").forget();
    ENDED.add_permits(1);
}

#[tokio::test]
async fn cancelling_an_emit_does_not_stop_its_handlers() {
    in_time(async {
        let mut emitting = Box::pin(emit("slow", &()));
        let polled = emitting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        drop(emitting);
        OPEN.add_permits(1);
        ENDED.acquire().await.expect("it stays open").forget();
    })
    .await;
}

#[on_event("first")]
async fn emits_itself(event: Order) -> Result<(), larder::Error> {
    emit("second", &event.order).await.map(drop)
}

#[on_event("second")]
async fn hears_it(order: u64) -> Result<(), larder::Error> {
    larder::cache().set("order", &order).await
}

#[tokio::test]
async fn a_handler_can_emit_and_its_caches_go_along() {
    let cache = Cache::memory();
    let first = serde_json::json!({ "order": 7 });
    let emitted = larder::scope(cache.clone(), emit("first", &first)).await;
    assert_eq!(emitted.expect("it is encoded").handled, 1);
    assert_eq!(cache.get("order").await.expect("it answers"), Some(7_u64));
}

#[on_event("echo")]
async fn echo(event: ()) -> Result<(), larder::Error> {
    emit("echo", &event).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_emits_its_own_event_comes_to_an_end() {
    let emitted = in_time(emit("echo", &())).await.expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (1, 0));
    // The last one could not emit; those that led to it have done what they were to do.
    assert_eq!(counts("::echo"), (16, 1, 0, 0));
}

#[tokio::test]
async fn what_cannot_be_an_event_is_refused() {
    let error = emit("", &()).await.expect_err("it has no name");
    assert!(matches!(error, larder::Error::NamelessEvent), "{error}");
    let long = "x".repeat(70_000);
    let error = emit("long", &long).await.expect_err("it is too long");
    assert!(error.to_string().contains("64 KB"), "{error}");
    let keyed = std::collections::HashMap::from([((1, 2), 3)]);
    emit("keyed", &keyed).await.expect_err("no key of JSON");
}
