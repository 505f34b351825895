//! Fills a cache before the first request comes, with a progress bar.
//!
//! ```text
//! cargo run --example warm
//! ```
//!
//! No server, no set-up. With `CACHE_URL=redis://localhost` and `--features redis` the same fills Redis.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use larder::cache_read;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

/// Stands for a database: every tenth product is gone.
async fn fetch(id: u64) -> Result<Product, std::io::Error> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    if id.is_multiple_of(10) {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    Ok(Product {
        id,
        name: format!("product {id}"),
    })
}

#[cache_read(key = "product:{id}", ttl = long)]
async fn get_product(id: u64) -> Result<Product, std::io::Error> {
    fetch(id).await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    larder::init().await?;
    let style = ProgressStyle::with_template("{msg:10} {bar:40} {pos}/{len}")?;

    // Through the functions that will be asked: each loads what is not there yet.
    let bar = ProgressBar::new(500)
        .with_style(style.clone())
        .with_message("products");
    let products = larder::warm((1..=500).map(get_product))
        .concurrency(16)
        .progress(|done, _| bar.set_position(done as u64))
        .await;
    bar.finish();
    let missing = products.iter().filter(|product| product.is_err()).count();
    println!("{} products, {missing} of them gone", products.len());

    // With values that are at hand: a table that was read in one query.
    let bar = ProgressBar::new(1_000)
        .with_style(style)
        .with_message("prices");
    let prices = (1..=1_000_u64).map(|id| (format!("price:{id}"), id * 100));
    let warmed = larder::cache()
        .warm(prices)
        .tags(["prices"])
        .concurrency(32)
        .progress(|done, _| bar.set_position(done as u64))
        .await;
    bar.finish();
    println!("{} prices, {} failed", warmed.stored, warmed.failed);

    let product = get_product(7).await?;
    println!(
        "{} is there, after {} loads",
        product.name,
        get_product::stats().loads
    );
    Ok(())
}
