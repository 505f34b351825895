//! A web service with a cache, over real sockets: the example as its own process, and routers that
//! mount what there is to mount.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use larder::axum::ServeError;
use larder::{Cache, Caches, Publication, cache_read, cache_write, on_event};
use larder_redis::RedisStore;
use larder_testkit::{Process, RedisServer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::ChildStdout;
use tokio::sync::{Notify, mpsc, oneshot};

#[cache_read(key = "double:{n}", tags = ["doubles"])]
async fn double(n: u64) -> u64 {
    2 * n
}

#[cache_write(tags = ["doubles"])]
async fn forget_doubles() {}

static WRITING: Notify = Notify::const_new();

#[cache_write(tags = ["doubles"])]
async fn write_without_end() {
    WRITING.notify_one();
    std::future::pending().await
}

#[cache_write(tags = ["doubles"])]
async fn write_from(body: Body) {
    drop(axum::body::to_bytes(body, 10).await);
}

static HEARD: Notify = Notify::const_new();

#[on_event("doubles.changed")]
async fn hear(_changed: u64) {
    // It is also handled where it is emitted.
    if Caches::current().names().any(|name| name == "served") {
        HEARD.notify_one();
    }
}

/// So that a start without a cache called `sessions` is refused.
#[cache_read(key = "session:{token}", cache = "sessions")]
async fn session(token: &str) -> Option<u64> {
    token.parse().ok()
}

async fn read(Path(n): Path<u64>) -> String {
    double(n).await.to_string()
}

async fn forget() -> StatusCode {
    forget_doubles().await;
    StatusCode::NO_CONTENT
}

/// Two routes, for any state.
fn doubles<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/doubles/{n}", get(read))
        .route("/doubles", put(forget))
}

#[tokio::test]
async fn the_example_reads_through_the_cache_and_its_writes_invalidate() {
    let redis = RedisServer::start().await;
    let mut service = Service::start(&redis).await;

    assert_eq!(service.ask("GET", "/users/8", "").await.0, 404);
    assert_eq!(service.line().await, "user 8 is loaded");
    for _ in 0..3 {
        assert_eq!(service.ask("GET", "/users/7", "").await, ok("Ada"));
    }
    assert_eq!(service.line().await, "user 7 is loaded");
    assert_eq!(service.ask("PUT", "/users/7", "Grace").await.0, 204);
    assert_eq!(service.ask("GET", "/users/7", "").await, ok("Grace"));
    assert_eq!(service.line().await, "user 7 is loaded");

    let (status, stats) = service.ask("GET", "/stats", "").await;
    assert_eq!(status, 200);
    let stats: Value = serde_json::from_str(&stats).expect("it is JSON");
    let cache = &stats["caches"]["default"];
    assert_eq!((&cache["hits"], &cache["loads"]), (&2.into(), &3.into()));
    assert_eq!(cache["hit_rate"], 0.4);
    assert_eq!(stats["events"]["queued"], 0);
    assert_eq!(stats["events"]["handlers"]["handled"], 0);
    let [written, loaded] = &stats["functions"].as_array().expect("they are listed")[..] else {
        panic!("two functions are annotated: {stats}");
    };
    assert_eq!(written["function"], "service::rename_user");
    assert_eq!(written["role"], "write");
    assert_eq!(written["invalidations"], 1);
    assert_eq!(loaded["function"], "service::user_name");
    assert_eq!(
        (&loaded["loads"], &loaded["hit_rate"]),
        (&3.into(), &0.4.into())
    );

    service.process.terminate();
    assert_eq!(service.line().await, "every invalidation is taken");
    assert!(service.process.wait().success());
}

#[tokio::test]
async fn the_example_does_not_end_before_a_queued_invalidation_is_taken() {
    // The old entry survives the server's crash, so an invalidation that was lost would show.
    let redis = RedisServer::builder().append_only().start().await;
    let mut service = Service::start(&redis).await;
    service.ask("PUT", "/users/8", "Ada").await;
    assert_eq!(service.ask("GET", "/users/8", "").await, ok("Ada"));
    assert_eq!(service.line().await, "user 8 is loaded");

    redis.kill();
    assert_eq!(service.ask("PUT", "/users/8", "Grace").await.0, 204);
    service.process.terminate();
    redis.restart().await;
    assert_eq!(service.line().await, "every invalidation is taken");
    assert!(service.process.wait().success());

    let next = Service::start(&redis).await;
    assert_eq!(next.ask("GET", "/users/8", "").await.0, 404);
}

#[tokio::test]
async fn health_is_200_until_a_store_is_gone_and_503_until_it_is_back() {
    let redis = RedisServer::builder().password("hunter2").start().await;
    let sessions = on(&redis).await;
    let caches = Caches::new(Cache::memory()).with("sessions", sessions.clone());
    let app = Router::new()
        .route("/health", get(larder::axum::health))
        .layer(larder::axum::layer(caches));
    let address = serve(app).await;
    let health = async || {
        let (status, health) = ask(address, "GET", "/health", "").await;
        assert!(!health.contains("hunter2"), "{health}");
        let health: Value = serde_json::from_str(&health).expect("it is JSON");
        assert_eq!(health["healthy"], status == 200);
        assert_eq!(health["caches"][0]["name"], "default");
        assert_eq!(health["caches"][0]["healthy"], true);
        let tier = health["caches"][1]["tiers"][0].clone();
        assert!(tier["latency_us"].is_u64(), "{health}");
        (status, tier)
    };
    let (status, tier) = health().await;
    assert_eq!((status, &tier["error"]), (200, &Value::Null));

    redis.kill();
    let (status, tier) = health().await;
    assert_eq!((status, &tier["healthy"]), (503, &false.into()));
    assert!(tier["error"].is_string(), "{tier}");

    // When the server has taken this, the connection is there again.
    sessions.clear().await.expect("it is queued");
    redis.restart().await;
    sessions.settle().await;
    assert_eq!(health().await.0, 200);
}

#[tokio::test]
async fn serving_ends_in_time_and_says_what_no_store_has_taken() {
    let redis = RedisServer::start().await;
    let cache = on(&redis).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = listener().await;
    let address = address(&listener);
    let tell = async || match larder::emit("doubles.asked", &4).await {
        Ok(emitted) => format!("{:?}", emitted.published),
        Err(error) => error.to_string(),
    };
    let app = doubles().route("/events", post(tell));
    let served = larder::axum::serve(listener, app, cache)
        .with_graceful_shutdown(async { drop(stopped.await) })
        .settle_within(Duration::from_millis(50));
    let served = tokio::spawn(served.into_future());

    redis.kill();
    assert_eq!(ask(address, "PUT", "/doubles", "").await.0, 204);
    assert_eq!(ask(address, "POST", "/events", "").await.1, "Queued");
    stop.send(()).expect("it listens for the signal");
    let error = served.await.expect("it does not panic");
    let error = error.expect_err("the store is gone");
    assert!(matches!(error, ServeError::Unsettled(_)));
    assert_eq!(
        error.to_string(),
        "the caches did not settle within 50ms; invalidations that no store has taken: 2 of `default`; \
         events that no log has taken: 1 of `default`"
    );
}

#[tokio::test]
async fn serving_hears_events_for_caches_of_its_own() {
    let redis = RedisServer::start().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let caches = Caches::new(on(&redis).await)
        .with("sessions", Cache::off())
        .with("served", Cache::memory());
    let listener = listener().await;
    let address = address(&listener);
    let served = larder::axum::serve(listener, doubles(), caches)
        .with_graceful_shutdown(async { drop(stopped.await) });
    let served = tokio::spawn(served.into_future());
    assert_eq!(ask(address, "GET", "/doubles/4", "").await, ok("8"));

    let elsewhere = Caches::new(on(&redis).await).as_another_process();
    let emitted = elsewhere.scope(larder::emit("doubles.changed", &4)).await;
    let emitted = emitted.expect("it can be encoded");
    assert_eq!(emitted.published, Publication::Done);
    let heard = tokio::time::timeout(Duration::from_secs(60), HEARD.notified()).await;
    heard.expect("it listens");
    stop.send(()).expect("it listens for the signal");
    let ended = served.await.expect("it does not panic");
    ended.expect("nothing is left");
}

#[tokio::test]
async fn serving_does_not_start_while_a_function_lacks_its_cache() {
    let serve = larder::axum::serve(
        listener().await,
        Router::new(),
        Caches::new(Cache::memory()),
    );
    let error = serve
        .await
        .expect_err("there is no cache called `sessions`");
    assert!(matches!(error, ServeError::Caches(_)));
    assert_eq!(
        error.to_string(),
        "there is no cache `sessions`, which `service::session` wants; known: default"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_client_goes_away_has_invalidated_when_serving_ends() {
    let cache = Cache::memory();
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = listener().await;
    let address = address(&listener);
    let app = doubles().route("/endless", put(write_without_end));
    let served = larder::axum::serve(listener, app, cache.clone())
        .with_graceful_shutdown(async { drop(stopped.await) });
    let served = tokio::spawn(served.into_future());
    assert_eq!(ask(address, "GET", "/doubles/4", "").await, ok("8"));

    let mut client = TcpStream::connect(address).await.expect("it listens");
    let request = b"PUT /endless HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client
        .write_all(request)
        .await
        .expect("it takes the request");
    WRITING.notified().await;
    stop.send(()).expect("it listens for the signal");
    drop(client);
    let ended = served.await.expect("it does not panic");
    ended.expect("nothing is left");
    assert_eq!(
        cache.get::<u64>("double:4").await.expect("it answers"),
        None
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_sends_the_rest_does_not_hold_up_the_end() {
    let cache = Cache::memory();
    let (stop, stopped) = oneshot::channel::<()>();
    let (begun, mut reading) = mpsc::unbounded_channel();
    let listener = listener().await;
    let address = address(&listener);
    // The write begins, and then wants a body of which the client sends the half.
    let upload = async move |body: Body| {
        begun.send(()).expect("the test waits for it");
        write_from(body).await;
    };
    let app = doubles().route("/upload", put(upload));
    let served = larder::axum::serve(listener, app, cache.clone())
        .with_graceful_shutdown(async { drop(stopped.await) })
        .drain_within(Duration::from_millis(50));
    let served = tokio::spawn(served.into_future());
    assert_eq!(ask(address, "GET", "/doubles/4", "").await, ok("8"));

    let mut client = TcpStream::connect(address).await.expect("it listens");
    let request = b"PUT /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nabc";
    let sent = client.write_all(request).await;
    sent.expect("it takes the half");
    reading.recv().await.expect("it is being answered");
    stop.send(()).expect("it listens for the signal");
    let ended = tokio::time::timeout(Duration::from_secs(60), served).await;
    let ended = ended.expect("nothing hangs").expect("it does not panic");
    ended.expect("nothing is left");

    assert_eq!(
        cache.get::<u64>("double:4").await.expect("it answers"),
        None,
        "a write that is cancelled invalidates"
    );
    let mut answer = Vec::new();
    // Whether the connection was closed or reset, there is no answer.
    let _ = client.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn handlers_use_the_caches_of_their_layer() {
    let (one, other) = (Cache::memory(), Cache::memory());
    let first = serve(doubles().layer(larder::axum::layer(one.clone()))).await;
    let second = serve(doubles().layer(larder::axum::layer(other.clone()))).await;
    for _ in 0..2 {
        assert_eq!(ask(first, "GET", "/doubles/4", "").await, ok("8"));
    }
    assert_eq!((one.stats().loads, one.stats().hits), (1, 1));
    assert_eq!(other.stats().misses, 0);

    ask(second, "PUT", "/doubles", "").await;
    assert_eq!(
        one.get::<u64>("double:4").await.expect("it answers"),
        Some(8)
    );
    ask(first, "PUT", "/doubles", "").await;
    assert_eq!(one.get::<u64>("double:4").await.expect("it answers"), None);
}

#[tokio::test]
async fn the_layer_reaches_nested_routers_and_goes_with_state_and_other_layers() {
    async fn names(State(greeting): State<Arc<str>>, caches: larder::axum::Caches) -> String {
        let names: Vec<_> = caches.names().collect();
        format!("{greeting} {}", names.join(", "))
    }

    let cache = Cache::memory();
    let caches = Caches::new(cache.clone()).with("sessions", Cache::off());
    let layers = tower::ServiceBuilder::new()
        .layer(axum::Extension("something else"))
        .layer(larder::axum::layer(caches));
    let inside: Router<Arc<str>> = doubles().route("/names", get(names));
    let app = Router::new()
        .nest("/api/v1", inside)
        .route("/stats", get(larder::axum::stats))
        .layer(layers)
        .with_state(Arc::from("caches:"));
    let address = serve(app).await;
    assert_eq!(
        ask(address, "GET", "/api/v1/names", "").await,
        ok("caches: default, sessions")
    );
    assert_eq!(ask(address, "GET", "/api/v1/doubles/4", "").await, ok("8"));
    assert_eq!(cache.stats().loads, 1);
    let (status, stats) = ask(address, "GET", "/stats", "").await;
    let stats: Value = serde_json::from_str(&stats).expect("it is JSON");
    assert_eq!(
        (status, &stats["caches"]["default"]["loads"]),
        (200, &1.into())
    );
}

#[tokio::test]
async fn without_the_layer_the_answer_says_what_is_missing() {
    let app = Router::new().route("/stats", get(larder::axum::stats));
    assert_eq!(
        ask(serve(app).await, "GET", "/stats", "").await,
        (
            500,
            "this route has no caches: add `.layer(larder::axum::layer(caches))` to its router, after \
             the route"
                .to_owned()
        )
    );
}

/// A cache on a server, with a time budget that a loaded machine does not use up.
async fn on(redis: &RedisServer) -> Cache {
    let store = RedisStore::builder(redis.url());
    let store = store.connect().await.expect("the server is there");
    Cache::builder()
        .store(store)
        .time_budget(Duration::from_secs(10))
        .build()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("it is bound")
}

/// Serves until the test is over.
async fn serve(app: Router) -> SocketAddr {
    let listener = listener().await;
    let address = address(&listener);
    drop(tokio::spawn(axum::serve(listener, app).into_future()));
    address
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

/// One request over a connection of its own: the answer's status and body.
async fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("it takes the request");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer).await;
    read.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("it has a status"), body.to_owned())
}

/// The example, as a process of its own.
struct Service {
    process: Process,
    address: SocketAddr,
    output: Lines<BufReader<ChildStdout>>,
}

impl Service {
    async fn start(redis: &RedisServer) -> Self {
        let test = std::env::current_exe().expect("this test is a file");
        let built = test.parent().and_then(|deps| deps.parent());
        let mut command = Command::new(
            built
                .expect("it is in target/*/deps")
                .join("examples/service"),
        );
        command
            .arg("127.0.0.1:0")
            .env("CACHE_URL", redis.url())
            .stdout(Stdio::piped());
        let mut process = Process::spawn(command)
            .expect("build it: cargo build --all-features --example service");
        let output = process.stdout().expect("it is a pipe");
        let output = ChildStdout::from_std(output).expect("it is a pipe");
        let mut service = Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            output: BufReader::new(output).lines(),
        };
        let line = service.line().await;
        let address = line
            .strip_prefix("listening on ")
            .and_then(|text| text.parse().ok());
        service.address = address.unwrap_or_else(|| panic!("{line}"));
        service
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(60), self.output.next_line()).await;
        let line = line.expect("nothing hangs").expect("it is text");
        line.expect("it still runs")
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        ask(self.address, method, path, body).await
    }
}
