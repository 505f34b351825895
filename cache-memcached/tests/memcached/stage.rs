//! What the tests play on: a server, two processes' handles on it, and a client of another kind.

use std::future::Future;
use std::time::Duration;

use larder_core::{Cache, Clock};
use larder_memcached::MemcachedStore;
use larder_testkit::MemcachedServer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Stage {
    pub(crate) server: MemcachedServer,
    pub(crate) cache: Cache,
    /// What another process would have: nothing shared but the server.
    pub(crate) other: Cache,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::on(MemcachedServer::start().await).await
    }

    pub(crate) async fn on(server: MemcachedServer) -> Self {
        Self {
            cache: cache_on(&server.url()).await,
            other: cache_on(&server.url()).await,
            server,
        }
    }
}

pub(crate) async fn store_on(url: &str) -> MemcachedStore {
    let store = MemcachedStore::builder(url).connect().await;
    store.expect("the server is there")
}

/// A cache on a server, with a time budget that a loaded machine does not use up.
pub(crate) async fn cache_on(url: &str) -> Cache {
    cache_within(url, Duration::from_secs(10)).await
}

pub(crate) async fn cache_within(url: &str, budget: Duration) -> Cache {
    Cache::builder()
        .store(store_on(url).await)
        .clock(Clock::hand_wound())
        .time_budget(budget)
        .build()
}

/// Sends a command as it is, and gives the first line of the answer.
pub(crate) async fn ask(server: &MemcachedServer, command: &[u8]) -> String {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await;
    let mut stream = BufReader::new(stream.expect("the server is there"));
    stream.write_all(command).await.expect("it is sent");
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("it answers");
    line.trim_end().to_owned()
}

/// Puts bytes under a key of the server.
pub(crate) async fn put_raw(server: &MemcachedServer, key: &str, bytes: &[u8]) {
    let command = format!("set {key} 0 0 {}\r\n", bytes.len());
    let command = [command.as_bytes(), bytes, b"\r\n"].concat();
    assert_eq!(ask(server, &command).await, "STORED");
}

/// Puts so many small values that a server of a few megabytes forgets what it had.
pub(crate) async fn flood(server: &MemcachedServer) {
    let mut commands = String::new();
    for number in 0..60_000 {
        commands.push_str(&format!("ms filler:{number} 16 q\r\n0123456789abcdef\r\n"));
    }
    commands.push_str("mn\r\n");
    assert_eq!(ask(server, commands.as_bytes()).await, "MN");
}

/// Bytes that no compression makes shorter.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..len).map(next).collect()
}

/// A test that hangs fails: this is the only thing the limit is for. Where tests are meant to fail,
/// it is set lower.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let limit = std::env::var("LARDER_TEST_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(60));
    tokio::time::timeout(limit, test)
        .await
        .expect("nothing hangs")
}
