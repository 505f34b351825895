//! Read models: kept under their ids, found by pattern, gone when they are said to be.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use larder::{Error, Projection, Projections, Ttl};
use serde::{Deserialize, Serialize};

use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_read_model_is_kept_under_its_id
    ids_are_of_any_type_that_can_be_written
    no_id_reaches_the_key_of_another
    one_lives_as_long_as_the_projection_says_or_the_call
    a_ttl_can_be_asked_for_and_set_anew
    pages_together_have_each_one_once
    patterns_are_over_ids_as_they_are
    a_pattern_with_the_name_finds_what_it_would_remove
    a_page_of_size_0_has_one
    one_can_be_asked_for_without_being_read
    a_pattern_over_keys_removes_what_it_matches
    keys_of_something_else_are_refused
    flushing_takes_all_of_one_projection_and_nothing_else
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(name = "order_summary", id = "order_id")]
struct OrderSummary {
    order_id: String,
    total: u64,
}

fn order(id: &str, total: u64) -> OrderSummary {
    OrderSummary {
        order_id: id.to_owned(),
        total,
    }
}

/// Its name is the beginning of another's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(ttl = "10s")]
struct Order {
    id: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Sku(u16, u32);

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "sku")]
struct Article {
    sku: Sku,
}

async fn add(orders: Projections<'_, OrderSummary>, ids: &[&str]) {
    for id in ids {
        orders.add(&order(id, 0)).await.expect("it is kept");
    }
}

/// The ids of all that match, a page of `size` after the other.
async fn ids(orders: Projections<'_, OrderSummary>, pattern: &str, size: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = orders.get_all(pattern, after.as_ref(), size).await;
        let page = page.expect("it answers");
        assert!(page.entries.len() <= size);
        ids.extend(page.entries.into_iter().map(|entry| entry.value.order_id));
        after = page.next;
        if after.is_none() {
            ids.sort();
            return ids;
        }
    }
}

async fn a_read_model_is_kept_under_its_id(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    assert_eq!(orders.get("ord-123").await.expect("it answers"), None);

    orders.add(&order("ord-123", 1)).await.expect("it is kept");
    orders.add(&order("ord-123", 2)).await.expect("it is kept");
    let elsewhere = stage.other.projections::<OrderSummary>();
    for orders in [orders, elsewhere] {
        let found = orders.get("ord-123").await.expect("it answers");
        assert_eq!(found, Some(order("ord-123", 2)));
    }
    assert_eq!(orders.key("ord-123").full(), "order_summary:::ord-123");
    let entry = stage.cache.get::<OrderSummary>("order_summary:::ord-123");
    assert_eq!(entry.await.expect("it answers"), Some(order("ord-123", 2)));

    assert!(orders.remove("ord-123").await.expect("it answers"));
    assert!(!orders.remove("ord-123").await.expect("it answers"));
    assert_eq!(elsewhere.get("ord-123").await.expect("it answers"), None);
}

async fn ids_are_of_any_type_that_can_be_written(stage: Stage) {
    let orders = stage.cache.projections::<Order>();
    orders.add(&Order { id: 7 }).await.expect("it is kept");
    assert_eq!(
        orders.get(7).await.expect("it answers"),
        Some(Order { id: 7 })
    );
    assert_eq!(orders.key(7).full(), "order:::7");

    let articles = stage.cache.projections::<Article>();
    let article = Article { sku: Sku(3, 9) };
    articles.add(&article).await.expect("it is kept");
    assert_eq!(
        articles.get(&Sku(3, 9)).await.expect("it answers"),
        Some(article)
    );
    assert_eq!(articles.key(&Sku(3, 9)).full(), "article:::3%2F9");
}

async fn no_id_reaches_the_key_of_another(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    let odd = [
        "",
        "*",
        "a",
        "a:::b",
        ":",
        "%",
        "%3A",
        "a%3A%3A%3Ab",
        "é",
        "a b\n",
    ];
    for (total, id) in (0..).zip(odd) {
        orders.add(&order(id, total)).await.expect("it is kept");
    }
    for (total, id) in (0..).zip(odd) {
        let found = orders.get(id).await.expect("it answers");
        assert_eq!(found, Some(order(id, total)), "{id:?}");
    }
    let keys: BTreeSet<String> = odd
        .iter()
        .map(|id| orders.key(id).full().to_owned())
        .collect();
    assert_eq!(keys.len(), odd.len());
    assert!(orders.remove("*").await.expect("it answers"));
    assert_eq!(orders.count().await.expect("it answers"), 9);
}

async fn one_lives_as_long_as_the_projection_says_or_the_call(stage: Stage) {
    let (orders, numbers) = (
        stage.cache.projections::<OrderSummary>(),
        stage.cache.projections::<Order>(),
    );
    orders.add(&order("usual", 0)).await.expect("it is kept");
    let longer = order("longer", 0);
    let longer = orders.add(&longer).ttl(Duration::from_secs(1_000));
    longer.await.expect("it is kept");
    let kept = order("kept", 0);
    orders.add(&kept).ttl(Ttl::Never).await.expect("it is kept");
    numbers.add(&Order { id: 7 }).await.expect("it is kept");

    stage.clock.advance(Duration::from_secs(11));
    assert_eq!(numbers.get(7).await.expect("it answers"), None);
    assert!(orders.get("usual").await.expect("it answers").is_some());
    stage.clock.advance(Duration::from_secs(300));
    assert_eq!(orders.get("usual").await.expect("it answers"), None);
    assert!(orders.get("longer").await.expect("it answers").is_some());
    stage.clock.advance(Duration::from_secs(1_000));
    assert_eq!(orders.get("longer").await.expect("it answers"), None);
    assert!(orders.get("kept").await.expect("it answers").is_some());
}

async fn a_ttl_can_be_asked_for_and_set_anew(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1"]).await;
    let left = orders.get_ttl("ord-1").await.expect("it answers");
    let Some(Ttl::For(left)) = left else {
        panic!("it has the cache's usual ttl: {left:?}");
    };
    assert!(left > Duration::from_secs(290) && left <= Duration::from_secs(300));

    let hour = Duration::from_secs(3_600);
    assert!(orders.set_ttl("ord-1", hour).await.expect("it answers"));
    stage.clock.advance(Duration::from_secs(3_000));
    assert!(orders.get("ord-1").await.expect("it answers").is_some());
    assert!(
        orders
            .set_ttl("ord-1", Ttl::Never)
            .await
            .expect("it answers")
    );
    let left = orders.get_ttl("ord-1").await.expect("it answers");
    assert_eq!(left, Some(Ttl::Never));

    assert!(!orders.set_ttl("ord-2", hour).await.expect("it answers"));
    assert_eq!(orders.get_ttl("ord-2").await.expect("it answers"), None);
}

async fn pages_together_have_each_one_once(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    let mut all: Vec<String> = (0..25).map(|number| format!("ord-{number}")).collect();
    all.sort();
    add(orders, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let others = stage.cache.projections::<Order>();
    others.add(&Order { id: 7 }).await.expect("it is kept");

    assert_eq!(ids(orders, "*", 10).await, all);
    assert_eq!(ids(orders, "*", 1).await, all);
    assert_eq!(orders.count().await.expect("it answers"), 25);
    assert_eq!(others.count().await.expect("it answers"), 1);
}

async fn patterns_are_over_ids_as_they_are(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(
        orders,
        &["a/1", "a/2", "a*2", "b:1", "b:::1", "50%", "c1", "c2", "c-"],
    )
    .await;
    for (pattern, found) in [
        ("a/*", &["a/1", "a/2"][..]),
        (r"a\**", &["a*2"]),
        ("b:*1", &["b:1", "b:::1"]),
        ("50%", &["50%"]),
        ("c?", &["c-", "c1", "c2"]),
        ("c[0-9]", &["c1", "c2"]),
        ("c[^0-9]", &["c-"]),
        ("[", &[]),
        ("", &[]),
    ] {
        let mut found = found.to_vec();
        found.sort_unstable();
        assert_eq!(ids(orders, pattern, 100).await, found, "{pattern}");
    }
}

async fn a_pattern_with_the_name_finds_what_it_would_remove(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1", "ord-10", "ord-2", "a/1"]).await;
    let found = ids(orders, "order_summary:::ord-1*", 10).await;
    assert_eq!(found, ["ord-1", "ord-10"]);
    // Over keys as they are written.
    assert_eq!(ids(orders, "order_summary:::a%2F*", 10).await, ["a/1"]);
    assert_eq!(ids(orders, "order_summary:::a/*", 10).await, [""; 0]);
    // The name of another is a part of an id.
    assert_eq!(ids(orders, "order:::*", 10).await, [""; 0]);
}

async fn a_page_of_size_0_has_one(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1", "ord-2"]).await;
    let page = orders.get_all("*", None, 0).await.expect("it answers");
    assert_eq!(page.entries.len(), 1);
    assert!(page.next.is_some());
}

async fn one_can_be_asked_for_without_being_read(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1"]).await;
    assert!(orders.exists("ord-1").await.expect("it answers"));
    assert!(!orders.exists("ord-2").await.expect("it answers"));
    orders.remove("ord-1").await.expect("it answers");
    assert!(!orders.exists("ord-1").await.expect("it answers"));
}

async fn a_pattern_over_keys_removes_what_it_matches(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1", "ord-10", "ord-2", "a:b"]).await;
    let removed = orders.remove_by_key_pattern("order_summary:::ord-1*").await;
    assert_eq!(removed.expect("it answers"), 2);
    assert_eq!(ids(orders, "*", 10).await, ["a:b", "ord-2"]);

    let remove = async |key: &str| orders.remove_by_key(key).await.expect("it answers");
    assert!(remove("order_summary:::ord-2").await);
    assert!(!remove("order_summary:::ord-2").await);
    // What the key of an id is, the handle says.
    assert!(!remove("order_summary:::a:b").await);
    assert!(remove(orders.key("a:b").full()).await);
    assert_eq!(orders.count().await.expect("it answers"), 0);
}

async fn keys_of_something_else_are_refused(stage: Stage) {
    let orders = stage.cache.projections::<Order>();
    stage
        .cache
        .set("user:7", &7_u8)
        .await
        .expect("it is stored");
    add(stage.cache.projections(), &["ord-1"]).await;
    for key in ["user:7", "order_summary:::ord-1", "*", "order*:::*", ""] {
        let refusal = orders.remove_by_key_pattern(key).await;
        assert!(matches!(refusal, Err(Error::ForeignKey { .. })), "{key}");
        let refusal = orders.remove_by_key(key).await;
        assert!(matches!(refusal, Err(Error::ForeignKey { .. })), "{key}");
    }
    let refusal = orders.remove_by_key("user:7").await;
    assert_eq!(
        refusal.expect_err("it is refused").to_string(),
        "`user:7` is not of the projection `order`: its keys begin with `order:::`"
    );
    assert!(stage.cache.exists("user:7").await.expect("it answers"));
    assert!(
        stage
            .cache
            .exists("order_summary:::ord-1")
            .await
            .expect("it answers")
    );
}

async fn flushing_takes_all_of_one_projection_and_nothing_else(stage: Stage) {
    let orders = stage.cache.projections::<OrderSummary>();
    add(orders, &["ord-1", "ord-2"]).await;
    let others = stage.cache.projections::<Order>();
    others.add(&Order { id: 7 }).await.expect("it is kept");

    orders.flush_all().await.expect("it is done");
    let elsewhere = stage.other.projections::<OrderSummary>();
    for orders in [orders, elsewhere] {
        assert_eq!(orders.get("ord-1").await.expect("it answers"), None);
        assert_eq!(orders.count().await.expect("it answers"), 0);
        assert_eq!(ids(orders, "*", 10).await, [""; 0]);
    }
    assert!(others.get(7).await.expect("it answers").is_some());
    add(orders, &["ord-1"]).await;
    assert_eq!(elsewhere.count().await.expect("it answers"), 1);
}
