//! Two processes, each with a cache in its own memory: what one says, the other hears.
//!
//! ```text
//! cargo run --features redis --example events -- redis://localhost:6379
//! ```

use std::process::Stdio;

use anyhow::Context as _;
use larder::{Cache, cache_read, emit, invalidate_on, on_event};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::Semaphore;

#[derive(Serialize, Deserialize)]
struct UserUpdated {
    user_id: u64,
}

/// Kept in this process alone: nothing that another process does reaches it, but an event.
#[cache_read(key = "user:{id}", skip(version), cache = "memory")]
async fn user(id: u64, version: u32) -> String {
    format!("user {id}, version {version}")
}

invalidate_on!("user.updated": UserUpdated, tags = ["user:{user_id}"], cache = "memory");

static HEARD: Semaphore = Semaphore::const_new(0);

#[on_event("user.seen")]
async fn hear(_event: UserUpdated) {
    HEARD.add_permits(1);
}

#[on_event("user.updated")]
async fn report(event: UserUpdated) -> Result<(), larder::Error> {
    if is_second() {
        println!("second hears that user {} was updated", event.user_id);
        println!("go on");
    }
    Ok(())
}

fn is_second() -> bool {
    std::env::args().nth(2).is_some()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context(
        "name a server: cargo run --features redis --example events -- redis://localhost:6379",
    )?;
    // Installing starts to listen, because there are handlers and a shared store.
    larder::builder()
        .url(&url)
        .prefix("larder-example")
        .cache("memory", Cache::memory())
        .install()
        .await?;
    if is_second() {
        second().await?;
    } else {
        first(&url).await?;
    }
    larder::stop_listening().await;
    Ok(())
}

async fn first(url: &str) -> anyhow::Result<()> {
    let mut second = Command::new(std::env::current_exe()?)
        .args([url, "second"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = second.stdin.take().context("its input is a pipe")?;
    let output = second.stdout.take().context("its output is a pipe")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "ready" => {
                let emitted = emit("user.updated", &UserUpdated { user_id: 7 }).await?;
                println!("first  emits: {emitted:?}");
            }
            "go on" => input.write_all(b"read\n").await?,
            line => println!("{line}"),
        }
    }
    // The other direction: what the second emitted when it had read.
    HEARD.acquire().await?.forget();
    println!("first  hears that the second has seen it");
    Ok(())
}

async fn second() -> anyhow::Result<()> {
    println!("second loads: {}", user(7, 1).await);
    println!("ready");
    BufReader::new(tokio::io::stdin())
        .lines()
        .next_line()
        .await?;
    // The handlers of one event run beside each other: the rule may be just behind the report.
    let read = loop {
        let read = user(7, 2).await;
        if read.ends_with('2') {
            break read;
        }
        tokio::task::yield_now().await;
    };
    println!("second loads again, from its own memory: {read}");
    emit("user.seen", &UserUpdated { user_id: 7 }).await?;
    Ok(())
}
