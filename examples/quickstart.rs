//! A load, a hit, an invalidation, a recache, and a thousand callers with one load.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! No server, no set-up. With `CACHE_URL=redis://localhost` and `--features redis` the same runs on
//! Redis.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

/// Stands for a database: it takes 20 ms to answer, and counts its queries.
mod database {
    use super::{AtomicU32, Duration, Ordering, User};
    use std::collections::HashMap;
    use std::sync::Mutex;

    static NAMES: Mutex<Option<HashMap<u64, String>>> = Mutex::new(None);
    pub(super) static QUERIES: AtomicU32 = AtomicU32::new(0);

    pub(super) async fn fetch(id: u64) -> Result<User, String> {
        QUERIES.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let names = NAMES.lock().map_err(|_| "poisoned")?;
        let name = names.as_ref().and_then(|names| names.get(&id).cloned());
        Ok(User {
            id,
            name: name.unwrap_or_else(|| "Ada".to_owned()),
        })
    }

    pub(super) async fn rename(id: u64, name: &str) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut names = NAMES.lock().map_err(|_| "poisoned")?;
        names.get_or_insert_default().insert(id, name.to_owned());
        Ok(())
    }
}

#[cache_read(key = "user:{id}", ttl = "5m", tags = ["user:{id}", "users"])]
async fn get_user(id: u64) -> Result<User, String> {
    database::fetch(id).await
}

#[cache_write(tags = ["user:{id}"], recache = [get_user(id)])]
async fn rename_user(id: u64, name: &str) -> Result<(), String> {
    database::rename(id, name).await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // What the environment says, apart from what others have on the same server: it is cleared below.
    larder::Builder::from_env()?
        .prefix("larder-example")
        .install()
        .await?;
    // On a server that is shared with the last run, start from nothing.
    larder::cache().clear().await?;

    show("the first call loads", get_user(7)).await?;
    show("the second is a hit", get_user(7)).await?;

    get_user::invalidate(7).await?;
    show("after get_user::invalidate(7) it loads", get_user(7)).await?;

    larder::by_hand!("users"); // no attribute shows the next line: else `init` says that nobody does it
    larder::cache().invalidate_tags(["users"]).await?;
    show("after invalidating the tag `users` it loads", get_user(7)).await?;

    let began = Instant::now();
    rename_user(7, "Grace").await.map_err(anyhow::Error::msg)?;
    println!(
        "{:>10.1?}  rename_user(7) writes, invalidates and recaches",
        began.elapsed()
    );
    let user = show("so the next call is a hit, with the new name", get_user(7)).await?;
    assert_eq!(user.name, "Grace");

    let before = database::QUERIES.load(Ordering::Relaxed);
    let began = Instant::now();
    let callers: Vec<_> = (0..1_000).map(|_| tokio::spawn(get_user(8))).collect();
    for caller in callers {
        caller.await?.map_err(anyhow::Error::msg)?;
    }
    let loads = database::QUERIES.load(Ordering::Relaxed) - before;
    println!(
        "{:>10.1?}  1,000 callers of one cold key, loads: {loads}",
        began.elapsed()
    );
    assert_eq!(loads, 1);

    println!("\nget_user: {:?}", get_user::stats());
    Ok(())
}

async fn show(
    what: &str,
    call: impl Future<Output = Result<User, String>>,
) -> anyhow::Result<User> {
    let queries = database::QUERIES.load(Ordering::Relaxed);
    let began = Instant::now();
    let user = call.await.map_err(anyhow::Error::msg)?;
    let took = began.elapsed();
    let queries = database::QUERIES.load(Ordering::Relaxed) - queries;
    println!("{took:>10.1?}  {what} (queries: {queries}): {}", user.name);
    Ok(user)
}
