//! One function, four places for its results: process memory, memcached, Redis, and files. Servers are killed and
//! come back, processes come and go, and each line says where the answers came from.
//!
//! ```text
//! cargo run --features redis,memcached,file --example tiers
//! ```
//!
//! It starts a `redis-server` and a `memcached` of its own on loopback ports, keeps their files in a temporary
//! folder, and stops them at its end. A process is stood for by caches of its own, which share nothing with those
//! of another but the servers and the folder.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use larder::redis::redis::{aio::ConnectionManager, cmd};
use larder::{Breaker, Cache, Caches, LayerName, Stats, cache_read, cache_write};

const REPORTS: u64 = 6;

/// How long a server, or news of it, may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

#[cache_read(key = "report:{month}", ttl = "1h", tags = ["reports"])]
async fn report(month: u64) -> String {
    format!("what came in, month {month}")
}

#[cache_write(tags = ["reports"])]
async fn correct_reports() {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Dropped last: the servers have their files there.
    let folder = tempfile::tempdir()?;
    let mut redis = Server::redis(folder.path())?;
    let mut memcached = Server::memcached()?;
    let file = folder.path().join("larder.toml");
    std::fs::write(
        &file,
        format!(
            "
            [caches.default.layers.l1]
            backend = 'memory'

            [caches.default.layers.l2]
            backend = 'memcached'
            url = 'memcached://127.0.0.1:{}'

            [caches.default.layers.l3]
            backend = 'redis'
            url = 'redis://127.0.0.1:{}'
            reach = 'shared'                # as it would be on a machine of its own

            [caches.default.layers.l4]
            backend = 'file'
            path = 'reports'
            ",
            memcached.port, redis.port
        ),
    )?;

    println!("{:<52}{:<14}{:<7}waiting", "", "served by", "away");
    let first = Process::start(&file).await?;
    first.read("nothing is anywhere").await;
    first.until_memory_is_used().await?;
    first.read("once more").await;
    let second = Process::start(&file).await?;
    second.read("another process").await;

    memcached.kill();
    let third = Process::start(&file).await?;
    third.read("another one; memcached is killed").await;
    third.evict_from_redis().await?;
    let fourth = Process::start(&file).await?;
    fourth.read("Redis needed the room for others").await;
    memcached.start()?;
    fourth.until_none_is_away().await?;
    let fifth = Process::start(&file).await?;
    fifth.read("memcached is back, and empty").await;
    let sixth = Process::start(&file).await?;
    sixth.read("it got copies of what was found below").await;

    sixth.until_memory_is_used().await?;
    sixth.read("and so did process memory").await;
    let heard = first.invalidation_heard_by(&sixth).await?;
    sixth.read("another process has invalidated them").await;
    sixth.until_memory_is_used().await?;
    sixth.read("once more").await;

    redis.kill();
    sixth.until_memory_is_distrusted().await?;
    sixth
        .read("Redis is killed: who knows what is valid?")
        .await;
    redis.start()?;
    sixth.until_none_is_away().await?;
    Process::start(&file)
        .await?
        .read("Redis is back, and so is what was valid")
        .await;

    redis.kill();
    sixth.until_memory_is_distrusted().await?;
    sixth.run(correct_reports()).await;
    sixth
        .read("an invalidation, while it is killed again")
        .await;
    redis.start()?;
    sixth.until_none_is_away().await?;
    sixth.cache().settle().await;
    sixth.read("Redis is back: it has taken that").await;
    sixth.until_memory_is_used().await?;
    sixth.read("once more").await;

    println!("\nthe invalidation was heard by the other process {heard:.1?} after it had returned");
    println!("\nwhat that one did in all:\n");
    show(&sixth.cache().stats());
    Ok(())
}

/// Stands for a process: caches of its own, set up from the file.
struct Process(Caches);

impl Process {
    async fn start(file: &Path) -> anyhow::Result<Self> {
        // Also while one of the servers is away.
        let builder = larder::builder().file(file).start_degraded(true);
        Ok(Self(builder.build().await?))
    }

    fn cache(&self) -> &Cache {
        self.0.default_cache()
    }

    async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        larder::scope(self.0.clone(), call).await
    }

    /// Reads every report, and says where each came from.
    async fn read(&self, what: &str) {
        let before = self.cache().stats();
        self.run(read(1..=REPORTS)).await;
        let after = self.cache().stats();
        // What is copied behind the callers' backs is there before the next line. An invalidation that a server
        // has still to take would be waited for in vain.
        if after.queued_invalidations == 0 {
            self.cache().settle().await;
        }
        println!(
            "{what:<52}{:<14}{:<7}{}",
            sources(&before, &after),
            away(&after),
            waiting(&self.cache().stats())
        );
    }

    /// Takes the reports out of Redis, as it does itself when it needs the room. What makes copies of them valid
    /// stays.
    async fn evict_from_redis(&self) -> anyhow::Result<()> {
        let mut redis: ConnectionManager = self.cache().connection()?;
        let mut unlink = cmd("UNLINK");
        for month in 1..=REPORTS {
            unlink.arg(format!("larder:v1::report:{month}"));
        }
        let evicted: u64 = unlink.query_async(&mut redis).await?;
        ensure!(evicted == REPORTS, "Redis had {evicted} of the reports");
        Ok(())
    }

    /// Invalidates the reports; how long it took from then on until the other process had heard of it.
    async fn invalidation_heard_by(&self, other: &Self) -> anyhow::Result<Duration> {
        self.run(correct_reports()).await;
        let returned = Instant::now();
        while other.run(report::peek(1)).await?.is_some() {
            ensure!(returned.elapsed() < PATIENCE, "it was not heard of");
        }
        Ok(returned.elapsed())
    }

    /// Process memory keeps what is read from the moment on that Redis tells of changes.
    async fn until_memory_is_used(&self) -> anyhow::Result<()> {
        let hits = || hits(&self.cache().stats(), LayerName::L1);
        self.until("process memory is not used", async || {
            let before = hits();
            self.run(read(0..=REPORTS)).await;
            hits() - before == REPORTS + 1
        })
        .await
    }

    /// And answers until it is noticed that the connection for that is lost.
    async fn until_memory_is_distrusted(&self) -> anyhow::Result<()> {
        let before = self.cache().stats().loads;
        self.until("process memory is still used", async || {
            self.run(report(0)).await;
            self.cache().stats().loads > before
        })
        .await
    }

    /// A tier that did not answer is left alone, and asked in the background whether it answers again.
    async fn until_none_is_away(&self) -> anyhow::Result<()> {
        self.until("a server does not come back", async || {
            away(&self.cache().stats()).is_empty()
        })
        .await
    }

    async fn until(&self, problem: &str, is_reached: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !is_reached().await {
            ensure!(began.elapsed() < PATIENCE, "{problem}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

async fn read(months: RangeInclusive<u64>) {
    for month in months {
        report(month).await;
    }
}

fn hits(stats: &Stats, layer: LayerName) -> u64 {
    let tier = stats.tiers.iter().find(|tier| tier.layer == Some(layer));
    tier.map_or(0, |tier| tier.hits)
}

/// Where the answers in between came from.
fn sources(before: &Stats, after: &Stats) -> String {
    let layers = LayerName::ALL.into_iter();
    let layers = layers.map(|layer| {
        let answers = hits(after, layer) - hits(before, layer);
        (layer.to_string(), answers)
    });
    let origin = ("origin".to_owned(), after.loads - before.loads);
    let used = layers.chain([origin]).filter(|(_, answers)| *answers > 0);
    let used: Vec<String> = used
        .map(|(source, answers)| format!("{answers} {source}"))
        .collect();
    used.join(", ")
}

/// The tiers whose breakers are not closed.
fn away(stats: &Stats) -> String {
    let tiers = stats.tiers.iter();
    let away = tiers.filter(|tier| tier.breaker != Breaker::Closed);
    let away: Vec<&str> = away.filter_map(|tier| Some(tier.layer?.as_str())).collect();
    away.join(", ")
}

/// What is on its way to tiers.
fn waiting(stats: &Stats) -> String {
    let copies: u64 = stats.tiers.iter().map(|tier| tier.waiting).sum();
    match stats.queued_invalidations {
        0 => copies.to_string(),
        invalidations => format!("{copies}, invalidations: {invalidations}"),
    }
}

fn show(stats: &Stats) {
    println!(
        "{:<13}{:>6}{:>8}{:>12}{:>17}{:>9}",
        "", "hits", "misses", "promotions", "copies dropped", "errors"
    );
    for tier in &stats.tiers {
        let layer = tier.layer.map_or("", LayerName::as_str);
        let backend = tier.name.split(':').next().unwrap_or_default();
        println!(
            "{layer} {backend:<10}{:>6}{:>8}{:>12}{:>17}{:>9}",
            tier.hits, tier.misses, tier.promotions, tier.dropped_copies, tier.errors
        );
    }
}

/// A server that ends with this program.
struct Server {
    port: u16,
    program: &'static str,
    arguments: Vec<String>,
    /// What it is asked until it answers with this.
    greeting: (&'static [u8], &'static [u8]),
    running: Option<Child>,
}

impl Server {
    /// One that forgets nothing when it is killed.
    fn redis(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder
            .to_str()
            .context("the temporary folder has a name in UTF-8")?;
        let arguments = [
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
            "--appendonly",
            "yes",
        ];
        let arguments = [&arguments[..], &["--appendfsync", "always", "--port"]].concat();
        Self::new("redis-server", &arguments, (b"PING\r\n", b"+PONG"))
    }

    fn memcached() -> anyhow::Result<Self> {
        // As whoever runs this, whom it does not ask for when that is root.
        let arguments = ["-l", "127.0.0.1", "-u", "nobody", "-p"];
        Self::new("memcached", &arguments, (b"version\r\n", b"VERSION"))
    }

    /// The last argument is to be followed by the port.
    fn new(
        program: &'static str,
        arguments: &[&str],
        greeting: (&'static [u8], &'static [u8]),
    ) -> anyhow::Result<Self> {
        // Free now, and taken by nobody in the moment until the server takes it.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        let mut server = Self {
            port,
            program,
            arguments: arguments.chain([port.to_string()]).collect(),
            greeting,
            running: None,
        };
        server.start()?;
        Ok(server)
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let program = self.program;
        let mut command = Command::new(program);
        command.args(&self.arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = command.spawn().with_context(|| {
            format!(
                "{program} cannot be started: install it (Debian: apt-get install redis-server memcached, macOS: \
                 brew install redis memcached) and run this again"
            )
        })?;
        self.running = Some(server);
        let began = Instant::now();
        while !self.answers() {
            if let Some(server) = &mut self.running
                && let Some(status) = server.try_wait()?
            {
                bail!("{program} has ended ({status})");
            }
            ensure!(began.elapsed() < PATIENCE, "{program} does not answer");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let (question, answer) = self.greeting;
        let ask = || {
            let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            connection.set_read_timeout(Some(Duration::from_secs(1)))?;
            connection.write_all(question)?;
            let mut answered = vec![0; answer.len()];
            connection.read_exact(&mut answered)?;
            std::io::Result::Ok(answered == answer)
        };
        ask().unwrap_or(false)
    }

    /// As a crash would: it is not asked.
    fn kill(&mut self) {
        if let Some(mut server) = self.running.take() {
            // Both fail only for a server that has ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
