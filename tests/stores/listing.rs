//! Going through keys and entries, and deleting what is found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder::{Cache, Cursor, Error, Key, Pattern};
use tokio::sync::Semaphore;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    keys_are_those_with_a_usable_entry
    a_pattern_means_the_same_everywhere
    pages_hold_everything_once
    a_cursor_survives_writes
    a_cursor_from_elsewhere_is_an_error
    an_entry_says_what_is_known_of_it
    deleting_by_pattern_counts_and_overtakes_loads
    deleting_by_namespace_counts
    deleting_by_tags_counts_each_entry_once
    cleaning_up_removes_only_what_is_dead
    a_survey_says_what_there_is
}

async fn keys(cache: &Cache, pattern: impl Into<Pattern>) -> Vec<String> {
    let keys: Vec<Key> = cache.keys(pattern).try_collect().await.expect("it answers");
    let mut keys: Vec<String> = keys.iter().map(|key| key.full().to_owned()).collect();
    keys.sort();
    keys
}

async fn set(cache: &Cache, keys: &[&str]) {
    for key in keys {
        let tags = key.split(':');
        cache.set(*key, &1).tags(tags).await.expect("it is stored");
    }
}

async fn keys_are_those_with_a_usable_entry(stage: Stage) {
    let cache = &stage.cache;
    set(cache, &["a:1", "a:2", "b:1"]).await;
    cache
        .set("a:1", &1)
        .namespace("shop")
        .await
        .expect("it is stored");
    cache
        .set("a:3", &1)
        .ttl(Duration::from_secs(1))
        .await
        .expect("it is stored");
    cache
        .set("a:4", &1)
        .tags(["gone"])
        .await
        .expect("it is stored");
    stage.clock.advance(Duration::from_secs(2));
    cache
        .invalidate_tags(["gone"])
        .await
        .expect("it is carried out");
    let (begun, open) = (Semaphore::new(0), Semaphore::new(0));
    let listing = async {
        // A load under way has a lease in its slot, and no entry.
        begun.acquire().await.expect("the load begins").forget();
        assert_eq!(keys(&stage.other, "a:*").await, ["a:1", "a:2"]);
        assert_eq!(stage.other.count("*").await.expect("it answers"), 3);
        let shop = Pattern::new("*").in_namespace("shop");
        assert_eq!(keys(&stage.other, shop).await, ["shop:a:1"]);
        assert_eq!(keys(&stage.other, Pattern::everywhere()).await.len(), 4);
        open.add_permits(1);
    };
    let loading = cache.load("a:5", || async {
        begun.add_permits(1);
        open.acquire().await.expect("it stays open").forget();
        1
    });
    let loading = async { loading.await };
    assert_eq!(futures_util::join!(loading, listing).0, 1);
    assert_eq!(keys(cache, "a:*").await, ["a:1", "a:2", "a:5"]);
}

async fn a_pattern_means_the_same_everywhere(stage: Stage) {
    let all = [
        "", "a", "ab", "abc", "a*c", "a[b]c", r"a\c", "é", "aéc", "a\nc", "a:b", "[", "a-c",
    ];
    for key in all {
        stage.cache.set(key, &1).await.expect("it is stored");
    }
    for pattern in [
        "", "*", "?", "a?", "a?c", "a*c", r"a\*c", "a[b]c", "a[^b]c", "a[a-z]c", r"a\[b\]c",
        r"a\\c", "[", "[a-é]", "a[é]c", "?é?", "a[*]c", "*c", "a[]c", r"a[\-]c", "a[+--]c",
    ] {
        let meant = Pattern::new(pattern);
        let mut expected: Vec<&str> = all
            .into_iter()
            .filter(|key| meant.matches(&Key::new(key)))
            .collect();
        expected.sort_unstable();
        assert_eq!(keys(&stage.cache, pattern).await, expected, "`{pattern}`");
    }
}

async fn pages(cache: &Cache, pattern: &str, size: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = cache.entries::<u32>(pattern, after.as_ref(), size).await;
        let page = page.expect("it answers");
        assert!(page.entries.len() <= size);
        seen.extend(
            page.entries
                .iter()
                .map(|entry| entry.key.as_str().to_owned()),
        );
        // As text, as it comes back from a client.
        after = page
            .next
            .map(|next| next.to_string().parse().expect("it is one"));
        if after.is_none() {
            return seen;
        }
    }
}

async fn pages_hold_everything_once(stage: Stage) {
    let cache = &stage.cache;
    let entries = (0..250_u32).map(|number| (format!("key:{number}"), number));
    cache.set_many(entries).await.expect("they are stored");
    set(cache, &["other"]).await;
    cache
        .set("key:text", &"not a number".to_owned())
        .await
        .expect("it is stored");
    for size in [1, 7, 100, 250, usize::MAX] {
        let seen = pages(&stage.other, "key:*", size).await;
        assert_eq!(seen.len(), 250, "{size}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 250);
    }
    assert_eq!(pages(cache, "none:*", 10).await, [""; 0]);
}

async fn a_cursor_survives_writes(stage: Stage) {
    let cache = &stage.cache;
    let stay = (0..200_u32).map(|number| (format!("stay:{number}"), number));
    cache.set_many(stay).await.expect("they are stored");
    let mut seen = BTreeSet::new();
    let mut after = None;
    for round in 0.. {
        let page = cache
            .entries::<u32>("*", after.as_ref(), 20)
            .await
            .expect("it answers");
        seen.extend(
            page.entries
                .iter()
                .map(|entry| entry.key.as_str().to_owned()),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
        let come = (0..50_u32).map(|number| (format!("come:{round}:{number}"), number));
        cache.set_many(come).await.expect("they are stored");
        if round > 0 {
            let pattern = format!("come:{}:*", round - 1);
            cache
                .delete_by_pattern(pattern)
                .await
                .expect("it is deleted");
        }
    }
    for number in 0..200 {
        assert!(seen.contains(&format!("stay:{number}")), "{number}");
    }
}

async fn a_cursor_from_elsewhere_is_an_error(stage: Stage) {
    for text in ["", "AA", "not one", "////", "AAAAAAAAAAAAAAAA"] {
        let Ok(cursor) = text.parse::<Cursor>() else {
            continue;
        };
        let page = stage.cache.entries::<u32>("*", Some(&cursor), 10).await;
        assert!(
            page.is_err() || page.is_ok_and(|page| page.entries.is_empty()),
            "{text}"
        );
    }
    assert!(matches!("not one".parse::<Cursor>(), Err(Error::Cursor)));
    // One that names keys gives only those that the pattern means.
    let shop = (0..30_u32).map(|number| (format!("secret:{number}"), number));
    stage.cache.set_many(shop).await.expect("they are stored");
    let page = stage.cache.entries::<u32>("secret:*", None, 5).await;
    let next = page.expect("it answers").next.expect("there are more");
    let page = stage.cache.entries::<u32>("open:*", Some(&next), 100).await;
    assert!(page.expect("it answers").entries.is_empty());
}

async fn an_entry_says_what_is_known_of_it(stage: Stage) {
    let (cache, minute) = (&stage.cache, Duration::from_secs(60));
    let key = Key::new("user:7").in_namespace("shop").tagged(["users"]);
    let name = "Ada".to_owned();
    let set = cache.set(&key, &name).ttl(minute).tags(["people"]);
    set.await.expect("it is stored");
    stage.clock.advance(minute / 2);
    for _ in 0..3 {
        cache.get::<String>(&key).await.expect("it answers");
    }
    let entry = stage.other.entry::<String>(&key).await.expect("it answers");
    let entry = entry.expect("it is there");
    assert_eq!(entry.key, key);
    assert_eq!(entry.value, "Ada");
    assert_eq!(entry.tags, ["users".into(), "people".into()]);
    assert_eq!(entry.ttl(), Some(minute / 2));
    let expires_at = entry.expires_at.expect("it has a ttl");
    let lives = expires_at
        .duration_since(entry.created_at)
        .expect("it is later");
    assert!(
        lives.abs_diff(minute) < Duration::from_millis(2),
        "{lives:?}"
    );
    if stage.server.is_none() {
        assert_eq!(entry.hit_count, Some(3));
        let last = entry.last_accessed.expect("it is known");
        let since = last.duration_since(entry.created_at).expect("it is later");
        assert!(
            since.abs_diff(minute / 2) < Duration::from_millis(2),
            "{since:?}"
        );
    } else {
        assert_eq!(entry.hit_count, None);
        assert!(entry.last_accessed.is_some());
    }
    assert!(!entry.is_expired());
    stage.clock.advance(minute);
    assert!(entry.is_expired());
    assert!(
        cache
            .entry::<String>(&key)
            .await
            .expect("it answers")
            .is_none()
    );
    cache
        .set("untagged", &1)
        .namespace("shop")
        .await
        .expect("it is stored");
    let untagged = cache
        .entry::<i32>(Key::new("untagged").in_namespace("shop"))
        .await;
    assert_eq!(untagged.expect("it answers").expect("it is there").tags, []);
}

async fn deleting_by_pattern_counts_and_overtakes_loads(stage: Stage) {
    let cache = &stage.cache;
    set(
        cache,
        &["user:1:profile", "user:2:profile", "user:1:orders"],
    )
    .await;
    let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let loading = tokio::spawn({
        let (cache, begun, open) = (stage.other.clone(), Arc::clone(&begun), Arc::clone(&open));
        async move {
            let load = cache.load("user:3:profile", || async move {
                begun.add_permits(1);
                open.acquire().await.expect("it stays open").forget();
                "old".to_owned()
            });
            load.await
        }
    });
    begun.acquire().await.expect("the load begins").forget();
    let deleted = cache.delete_by_pattern("user:*:profile").await;
    assert_eq!(deleted.expect("it is deleted"), 2);
    // A caller that comes now does not wait for the load from before.
    let new = stage
        .other
        .load("user:3:profile", || async { "new".to_owned() });
    assert_eq!(new.await, "new");
    open.add_permits(1);
    assert_eq!(loading.await.expect("it does not panic"), "old");
    let got = cache
        .get::<String>("user:3:profile")
        .await
        .expect("it answers");
    assert_eq!(got.as_deref(), Some("new"));
    assert_eq!(keys(cache, "*").await, ["user:1:orders", "user:3:profile"]);
}

async fn deleting_by_namespace_counts(stage: Stage) {
    let cache = &stage.cache;
    set(cache, &["a", "shop:a"]).await;
    for key in ["a", "b", "c"] {
        cache
            .set(key, &1)
            .namespace("shop")
            .await
            .expect("it is stored");
    }
    cache
        .delete(Key::new("c").in_namespace("shop"))
        .await
        .expect("it is deleted");
    let deleted = stage.other.delete_by_namespace("shop").await;
    assert_eq!(deleted.expect("it is deleted"), 2);
    assert_eq!(keys(cache, Pattern::everywhere()).await, ["a", "shop:a"]);
}

async fn deleting_by_tags_counts_each_entry_once(stage: Stage) {
    let cache = &stage.cache;
    set(cache, &["a:b", "a:c", "d:e", "f"]).await;
    cache.set("b", &1).await.expect("it is stored");
    let deleted = stage.other.delete_by_tags(["a", "b", "none"]).await;
    // `b` itself too, for a key is its own tag.
    assert_eq!(deleted.expect("it is deleted"), 3);
    assert_eq!(keys(cache, "*").await, ["d:e", "f"]);
    if let Some(server) = &stage.server {
        server.kill();
    }
    // No tags mean nothing, and ask nobody.
    let none: [&str; 0] = [];
    assert_eq!(cache.delete_by_tags(none).await.expect("nothing"), 0);
}

async fn cleaning_up_removes_only_what_is_dead(stage: Stage) {
    let cache = &stage.cache;
    set(cache, &["a:1", "a:2", "b:1"]).await;
    cache
        .set("c", &1)
        .ttl(Duration::from_secs(1))
        .await
        .expect("it is stored");
    cache
        .invalidate_tags(["a"])
        .await
        .expect("it is carried out");
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(cache.cleanup_expired().await.expect("it answers"), 3);
    assert_eq!(cache.cleanup_expired().await.expect("it answers"), 0);
    assert_eq!(keys(cache, "*").await, ["b:1"]);
}

async fn a_survey_says_what_there_is(stage: Stage) {
    let cache = &stage.cache;
    assert_eq!(cache.survey().await.expect("it answers").entries, Some(0));
    set(cache, &["a:1"]).await;
    stage.clock.advance(Duration::from_secs(60));
    cache
        .set("b", &1)
        .namespace("shop")
        .await
        .expect("it is stored");
    set(cache, &["a:2"]).await;
    cache.get::<i32>("a:1").await.expect("it answers");
    cache.get::<i32>("none").await.expect("it answers");
    let stats = cache.survey().await.expect("it answers");
    assert_eq!(stats.entries, Some(3));
    assert_eq!((stats.hits, stats.misses), (1, 1));
    let (oldest, newest) = (
        stats.oldest.expect("it is known"),
        stats.newest.expect("it is known"),
    );
    let between = newest.duration_since(oldest).expect("it is later");
    assert!(
        between.abs_diff(Duration::from_secs(60)) < Duration::from_millis(2),
        "{between:?}"
    );
    assert_eq!(stats.bytes.is_some(), stage.server.is_some());
    let [tier] = &stats.tiers[..] else {
        panic!("there is one tier");
    };
    assert_eq!((tier.hits, tier.misses, tier.entries), (1, 1, Some(3)));
}
