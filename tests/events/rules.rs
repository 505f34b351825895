//! `invalidate_on!`: the right tags and keys, and nothing else.

use larder::{Cache, Caches, Key, Tag, cache_read, emit, invalidate_on};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize, serde::Deserialize)]
struct Updated {
    user_id: String,
    org: Org,
}

#[derive(Serialize, serde::Deserialize)]
struct Org {
    id: u64,
}

invalidate_on!(
    "plain.updated",
    tags = ["user:{user_id}", "org:<org.id>:users"]
);
invalidate_on!("typed.updated": Updated, tags = ["user:{user_id}", org_tag(event.org.id)]);
invalidate_on!(
    "plain.moved",
    keys = ["user:{user_id}"],
    namespace = "org-{org.id}"
);
invalidate_on!("typed.moved": Updated, keys = [("user", event.user_id)], namespace = "org-{org.id}");
invalidate_on!(
    "session.ended",
    tags = ["session:{id.0}-{id.1}", "100%"],
    cache = "sessions"
);

fn org_tag(id: u64) -> Tag {
    Tag::new(format!("org:{id}:users"))
}

#[cache_read(key = "name:{user_id}", tags = ["user:{user_id}"])]
async fn name_of(user_id: &str) -> String {
    format!("user {user_id}")
}

fn updated(user_id: &str) -> Updated {
    Updated {
        user_id: user_id.to_owned(),
        org: Org { id: 3 },
    }
}

async fn handled(event: &str, payload: &impl Serialize) {
    let emitted = emit(event, payload).await.expect("it is encoded");
    assert_eq!((emitted.handled, emitted.failed), (1, 0));
}

async fn is_cached(user_id: &str) -> bool {
    let cached = name_of::peek(user_id).await;
    cached.expect("it answers").is_some()
}

#[tokio::test]
async fn a_rule_reaches_what_the_same_template_tagged_and_nothing_else() {
    let hostile = ["7", "8", "7}:*", "7:profile", "*", "", "%-", "7%3Aprofile"];
    for event in ["plain.updated", "typed.updated"] {
        larder::scope(Cache::memory(), async {
            for reached in hostile {
                for user in hostile {
                    name_of(user).await;
                }
                handled(event, &updated(reached)).await;
                for user in hostile {
                    let is_kept = user != reached;
                    assert_eq!(is_cached(user).await, is_kept, "{event} {reached} {user}");
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn every_tag_of_a_rule_is_reached() {
    for event in ["plain.updated", "typed.updated"] {
        larder::scope(Cache::memory(), async {
            let cache = larder::cache();
            for org in [3, 4] {
                let set = cache
                    .set(format!("users:{org}"), &1_u8)
                    .tags([org_tag(org)]);
                set.await.expect("it is stored");
            }
            handled(event, &updated("7")).await;
            let left = cache.get::<u8>("users:3").await.expect("it answers");
            assert_eq!(left, None, "{event}");
            let left = cache.get::<u8>("users:4").await.expect("it answers");
            assert_eq!(left, Some(1), "{event}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_key_is_reached_in_its_namespace() {
    for event in ["plain.moved", "typed.moved"] {
        larder::scope(Cache::memory(), async {
            let cache = larder::cache();
            let inside = |org: &str| Key::new("user:7").in_namespace(org);
            let keys = [inside("org-3"), inside("org-4"), Key::new("user:7")];
            for key in &keys {
                cache.set(key, &1_u8).await.expect("it is stored");
            }
            handled(event, &updated("7")).await;
            for (key, left) in keys.iter().zip([None, Some(1), Some(1)]) {
                let found = cache.get::<u8>(key).await.expect("it answers");
                assert_eq!(found, left, "{event} {key}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_rule_reaches_the_cache_that_it_names() {
    let (default, sessions) = (Cache::memory(), Cache::memory());
    let caches = Caches::new(default.clone()).with("sessions", sessions.clone());
    larder::scope(caches.clone(), async {
        // What the template renders, and a literal `%` as templates write it.
        for (key, tag) in [("one", "session:a%2Db-c"), ("two", "100%%")] {
            for cache in [&default, &sessions] {
                cache.set(key, &1_u8).tags([tag]).await.expect("stored");
            }
        }
        handled("session.ended", &json!({ "id": ("a-b", 'c') })).await;
        for key in ["one", "two"] {
            assert_eq!(sessions.get::<u8>(key).await.expect("it answers"), None);
            assert_eq!(default.get::<u8>(key).await.expect("it answers"), Some(1));
        }
    })
    .await;
    caches.check().expect("every rule finds its cache");
    let error = Caches::new(default).check().expect_err("one does not");
    let text = error.to_string();
    assert!(text.contains("there is no cache `sessions`"), "{text}");
    assert!(text.contains("invalidate_on!"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_event_without_the_field_invalidates_nothing_and_is_not_tried_again() {
    larder::scope(Cache::memory(), async {
        name_of("7").await;
        for payload in [
            json!({ "user_id": "7" }),
            json!({ "user_id": "7", "org": 3 }),
            json!({ "user_id": ["7"], "org": { "id": 3 } }),
            json!("7"),
        ] {
            for event in ["plain.updated", "typed.updated"] {
                let emitted = emit(event, &payload).await.expect("it is encoded");
                assert_eq!((emitted.handled, emitted.failed), (0, 1), "{payload}");
            }
        }
        assert!(is_cached("7").await);
    })
    .await;
    let rules = larder::handlers().filter(|handler| handler.event().ends_with(".updated"));
    for rule in rules {
        assert_eq!(rule.stats().retried, 0, "{rule:?}");
    }
}
