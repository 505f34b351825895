//! Two processes on one Redis server: what one invalidates, the other no longer reads.
//!
//! ```text
//! cargo run --features redis --example redis -- redis://localhost:6379
//! ```

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use larder::{cache_read, cache_write};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Each process has its own idea of the price, so that one sees where a value was loaded.
static PRICE: AtomicU64 = AtomicU64::new(0);
static LOADS: AtomicU64 = AtomicU64::new(0);

#[cache_read(key = "price:{article}", ttl = 60, tags = ["prices"], lock)]
async fn price(article: &str) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    PRICE.load(Ordering::Relaxed)
}

#[cache_write(tags = ["prices"])]
async fn set_price(_article: &str, to: u64) {
    PRICE.store(to, Ordering::Relaxed);
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context(
        "name a server: cargo run --features redis --example redis -- redis://localhost:6379",
    )?;
    larder::builder()
        .url(&url)
        .prefix("larder-example")
        .install()
        .await?;
    match std::env::args().nth(2).as_deref() {
        Some("second") => second().await,
        _ => first(&url).await,
    }
}

/// The first process: starts the second, and tells it what to do, line by line.
async fn first(url: &str) -> anyhow::Result<()> {
    larder::cache().clear().await?;
    let mut second = Second::start(url)?;
    PRICE.store(100, Ordering::Relaxed);

    timed("first  loads", price("shoe")).await;
    timed("first  hits", price("shoe")).await;
    println!(
        "            second reads {}: loaded by the first",
        second.ask("read").await?
    );

    second.ask("set 90").await?;
    println!("            second sets its price to 90, and invalidates the tag `prices`");
    PRICE.store(80, Ordering::Relaxed);
    timed(
        "first  loads, since that took its entry away",
        price("shoe"),
    )
    .await;
    println!("            second reads {}", second.ask("read").await?);

    set_price("shoe", 70).await;
    let before = LOADS.load(Ordering::Relaxed) + second.ask("loads").await?.parse::<u64>()?;
    let began = Instant::now();
    let here = async {
        let callers: Vec<_> = (0..1_000).map(|_| tokio::spawn(price("shoe"))).collect();
        for caller in callers {
            caller.await?;
        }
        anyhow::Ok(())
    };
    let (here, there) = tokio::join!(here, second.ask("thousand"));
    here?;
    there?;
    let took = began.elapsed();
    let after = LOADS.load(Ordering::Relaxed) + second.ask("loads").await?.parse::<u64>()?;
    println!(
        "{took:>10.1?}  1,000 callers in each process, loads in both: {}",
        after - before
    );
    assert_eq!(after - before, 1);
    Ok(())
}

async fn timed(what: &str, call: impl Future<Output = u64>) {
    let began = Instant::now();
    let price = call.await;
    println!("{:>10.1?}  {what}: {price}", began.elapsed());
}

/// The second process: does what the lines say.
async fn second() -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some(("set", to)) => {
                set_price("shoe", to.parse()?).await;
                println!("done");
            }
            _ if line == "loads" => println!("{}", LOADS.load(Ordering::Relaxed)),
            _ if line == "thousand" => {
                let callers: Vec<_> = (0..1_000).map(|_| tokio::spawn(price("shoe"))).collect();
                for caller in callers {
                    caller.await?;
                }
                println!("done");
            }
            _ => println!("{}", price("shoe").await),
        }
    }
    Ok(())
}

struct Second {
    input: ChildStdin,
    output: tokio::io::Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Second {
    fn start(url: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([url, "second"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().context("its input is a pipe")?;
        let output = child.stdout.take().context("its output is a pipe")?;
        Ok(Self {
            input,
            output: BufReader::new(output).lines(),
            _child: child,
        })
    }

    async fn ask(&mut self, line: &str) -> anyhow::Result<String> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        self.output
            .next_line()
            .await?
            .context("the second process ended")
    }
}
