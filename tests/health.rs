//! `health()`: living, dead and silent servers.

use std::time::Duration;

use larder::{Cache, Caches, Health};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

const BUDGET: Duration = Duration::from_secs(10);

async fn on(url: &str) -> Cache {
    let store = RedisStore::builder(url).connect().await;
    let store = store.expect("the server is there");
    Cache::builder().store(store).time_budget(BUDGET).build()
}

fn shown(health: &Health) -> String {
    let text = serde_json::to_string(health).expect("it is JSON");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!format!("{health:?}").contains("hunter2"));
    text
}

#[tokio::test]
async fn a_server_that_lives_is_healthy_and_one_that_died_is_not() {
    let server = RedisServer::builder().password("hunter2").start().await;
    let url = format!("redis://:hunter2@127.0.0.1:{}/1", server.port());
    let caches = Caches::new(Cache::memory())
        .with("sessions", on(&url).await)
        .with("tests", Cache::off());

    let health = caches.health().await;
    assert!(health.is_healthy(), "{health:?}");
    let names: Vec<&str> = health
        .caches
        .iter()
        .map(|cache| cache.name.as_str())
        .collect();
    assert_eq!(names, ["default", "sessions", "tests"]);
    let sessions = &health.caches[1].tiers[0];
    assert_eq!(
        sessions.store,
        format!("redis://127.0.0.1:{}/1", server.port())
    );
    assert_eq!(sessions.error, None);
    assert!(sessions.latency > Duration::ZERO && sessions.latency < BUDGET);
    assert!(shown(&health).starts_with(r#"{"healthy":true,"caches":[{"name":"default","healthy":true,"tiers":[{"store":"memory","healthy":true,"latency_us":"#));

    server.kill();
    let health = caches.health().await;
    assert!(!health.is_healthy());
    assert!(health.caches[0].is_healthy() && health.caches[2].is_healthy());
    let sessions = &health.caches[1].tiers[0];
    let error = sessions.error.as_deref().expect("nobody is there");
    assert!(error.contains("cannot be reached"), "{error}");
    let text = shown(&health);
    assert!(text.starts_with(r#"{"healthy":false,"#), "{text}");
    assert!(
        text.contains(r#""name":"sessions","healthy":false"#),
        "{text}"
    );
}

#[tokio::test]
async fn silent_servers_cost_one_time_budget_together() {
    let server = RedisServer::start().await;
    let mut caches = Caches::new(on(&server.url()).await);
    for n in 1..5 {
        caches = caches.with(format!("cache{n}"), on(&server.url_with(n)).await);
    }
    server.pause();
    // From here on time stands still except while everybody waits for it.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let health = caches.health().await;
    // Timers are good to a millisecond.
    assert!(
        began.elapsed() < BUDGET + Duration::from_millis(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(health.caches.len(), 5);
    for cache in &health.caches {
        let error = cache.tiers[0].error.as_deref().expect("it is silent");
        assert!(error.ends_with("did not answer within 10s"), "{error}");
    }
}

#[tokio::test]
async fn the_tasks_own_caches_are_asked() {
    let caches = Caches::new(Cache::off()).with("sessions", Cache::memory());
    let health = larder::scope(caches, larder::health()).await;
    assert!(health.is_healthy());
    let stores: Vec<&str> = health
        .caches
        .iter()
        .map(|cache| cache.tiers[0].store.as_str())
        .collect();
    assert_eq!(stores, ["off", "memory"]);
}

#[tokio::test]
async fn dropping_the_question_leaves_the_caches_as_they_were() {
    let server = RedisServer::start().await;
    let caches = Caches::new(on(&server.url()).await);
    server.pause();
    {
        let mut question = std::pin::pin!(caches.health());
        assert!(futures_util::poll!(&mut question).is_pending());
    }
    server.resume();
    assert!(caches.health().await.is_healthy());
}
