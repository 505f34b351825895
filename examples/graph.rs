//! The graph of a small shop: who reads what, and who invalidates it, as text and as a Mermaid chart.
//!
//! ```text
//! cargo run --example graph
//! ```
//!
//! No server, no set-up, and none of the annotated functions is called: they have registered themselves
//! before `main`. One of them is wrong, which no function shows by itself: the start warns of it.

use larder::{Cache, Graph, by_hand, cache_read, cache_write, invalidate_on, on_event, resource};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: u64,
}

resource! {
    /// A customer, and everything that is cached about one.
    pub customer(id: u64) {
        profile: ttl = "10m";
        offers(day: &str): ttl = 60, tags = ["offers"];
    }
}

#[cache_read(customer::profile(id))]
async fn profile(id: u64) -> String {
    format!("customer {id}")
}

#[cache_read(customer::offers(id, day))]
async fn offers(id: u64, day: &str) -> Vec<String> {
    vec![format!("for customer {id}, {day}")]
}

#[cache_read(key = "order:{id}")]
async fn order(id: u64) -> Option<Order> {
    Some(Order { id, customer: 7 })
}

#[cache_read(key = "orders:{customer}:{page}", tags = ["orders-of:{customer}"])]
async fn orders(customer: u64, page: u32) -> Vec<Order> {
    let id = page.into();
    vec![Order { id, customer }]
}

#[cache_read(key = "stock:{article}", cache = "stock")]
async fn stock(article: &str) -> usize {
    article.len()
}

#[cache_write(customer::tag(id), recache = [profile(id)])]
async fn rename_customer(id: u64, name: &str) -> String {
    format!("customer {id} is {name}")
}

/// Here is the mistake. What it invalidates is called `orders-of:..` by the function above: a list of
/// orders would stay as it was, and a test with one order would not notice.
#[cache_write(tags = ["order:{ret.id}", "orders:{customer}"])]
async fn place_order(customer: u64) -> Order {
    Order { id: 1, customer }
}

#[derive(Serialize, Deserialize)]
struct Delivered {
    article: String,
}

invalidate_on!("stock.delivered": Delivered, keys = ["stock:{article}"], cache = "stock");

#[on_event("stock.delivered")]
async fn tell_buyers(event: Delivered) {
    println!("{} can be bought again", event.article);
}

/// What code does by itself, no attribute shows: it is said.
async fn end_offers() -> Result<(), larder::Error> {
    by_hand!("offers");
    larder::cache().invalidate_tags(["offers"]).await.map(drop)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .init();
    println!("the start warns of what is wrong:\n");
    larder::builder()
        .cache("stock", Cache::memory())
        .install()
        .await?;
    end_offers().await?;

    let graph = Graph::of_program();
    println!("\nthe graph as text:\n\n{graph}");
    println!(
        "the graph as a chart:\n\n```mermaid\n{}```",
        graph.mermaid()
    );

    // What a test would say, so that no mistake comes so far: `assert!(report.is_clean(), "{report}")`.
    let report = larder::check();
    println!("\n{} findings:\n\n{report}", report.findings().len());
    Ok(())
}
