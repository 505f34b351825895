//! `cache = ".."`, `lock`, and what is registered.

use larder::{Cache, Caches, Role, cache_read, cache_write, sites};

use crate::Calls;

static CALLS: Calls = Calls::new();

#[cache_read(key = "session:{id}", cache = "sessions", tags = ["session:<id>", "sessions"], lock)]
async fn session(id: u64) -> usize {
    let _ = id;
    CALLS.count()
}

#[cache_read(key = "x:{id}", lock = false)]
async fn elsewhere(id: u64) -> usize {
    let _ = id;
    CALLS.count()
}

#[cache_write(tags = ["session:{id}"], cache = "sessions")]
async fn log_out(id: u64) {}

#[tokio::test]
async fn a_named_cache_is_used() {
    let (default, sessions) = (Cache::memory(), Cache::memory());
    let caches = Caches::new(default.clone()).with("sessions", sessions.clone());
    caches
        .scope(async {
            session(1).await;
            elsewhere(1).await;
            assert!(sessions.exists("session:1").await.unwrap());
            assert!(!default.exists("session:1").await.unwrap());
            assert!(default.exists("x:1").await.unwrap());
            log_out(1).await;
            assert!(!sessions.exists("session:1").await.unwrap());
        })
        .await;
}

#[tokio::test]
async fn a_cache_that_is_not_there_is_named_and_bypassed() {
    let caches = Caches::new(Cache::memory());
    let error = caches.check().unwrap_err().to_string();
    assert!(error.contains("`sessions`"), "{error}");
    caches
        .scope(async {
            let first = session(2).await;
            assert_eq!(session(2).await, first + 1);
            assert!(session::peek(2).await.is_err());
            log_out(2).await;
        })
        .await;
}

#[test]
fn functions_are_registered_with_their_templates() {
    let site = |name: &str| {
        sites()
            .find(|site| site.function() == format!("macros::caches::{name}"))
            .unwrap()
    };
    let read = site("session");
    assert_eq!(read.role(), Role::Read);
    assert_eq!(read.key_template(), Some("session:{id}"));
    assert_eq!(read.tag_templates(), ["session:{id}", "sessions"]);
    assert_eq!(read.cache_name(), Some("sessions"));
    let write = site("log_out");
    assert_eq!(write.role(), Role::Write);
    assert_eq!(
        (write.key_template(), write.cache_name()),
        (None, Some("sessions"))
    );
    assert_eq!(write.tag_templates(), ["session:{id}"]);
}
