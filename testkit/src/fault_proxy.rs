//! A TCP proxy that breaks connections on request.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::link;

/// What a [`FaultProxy`] does to the connections that go through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Forwards everything at once.
    #[default]
    None,
    /// Holds every byte back for this long in each direction, so that a round trip takes twice as long. Requests
    /// that follow each other closely travel together, as on a long line.
    Latency(Duration),
    /// Accepts connections and bytes, and forwards nothing. What was kept is forwarded when the fault ends.
    Blackhole,
    /// Resets the connections that exist, and each new one as soon as it is accepted.
    Cut,
    /// Resets each new connection as soon as it is accepted; the ones that exist go on.
    Refuse,
}

/// A proxy on a loopback port in front of another; dropping it ends it and its connections.
///
/// It lives on the runtime that started it, and its latency follows that runtime's clock.
pub struct FaultProxy {
    port: u16,
    condition: watch::Sender<Condition>,
    counters: Arc<Counters>,
    acceptor: AbortHandle,
}

/// The fault in force, as the connections watch it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) fault: Fault,
    /// Counts the cuts, so that a connection notices one that was over before it could look.
    pub(crate) cuts: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes_up: AtomicU64,
    pub(crate) bytes_down: AtomicU64,
    pub(crate) round_trips: AtomicU64,
    pub(crate) connections: AtomicU64,
}

impl FaultProxy {
    /// Starts a proxy in front of `127.0.0.1:target_port`. Whether anything listens there shows on first use.
    pub async fn start(target_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bind a free port on 127.0.0.1");
        let port = listener
            .local_addr()
            .expect("the bound listener has an address")
            .port();
        let counters = Arc::new(Counters::default());
        let (condition, watched) = watch::channel(Condition::default());
        let acceptor = tokio::spawn(accept_all(
            listener,
            target_port,
            watched,
            Arc::clone(&counters),
        ))
        .abort_handle();
        Self {
            port,
            condition,
            counters,
            acceptor,
        }
    }

    /// The proxy's own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:port`, for a server that asks for neither password nor TLS.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Replaces the fault. Bytes that are sent and connections that are opened after this returned meet the new one.
    pub fn set(&self, fault: Fault) {
        self.condition.send_modify(|condition| {
            condition.fault = fault;
            condition.cuts += u64::from(fault == Fault::Cut);
        });
    }

    /// Bytes that clients have sent, forwarded or not.
    pub fn bytes_up(&self) -> u64 {
        self.counters.bytes_up.load(Ordering::Relaxed)
    }

    /// Bytes that the server has sent, forwarded or not.
    pub fn bytes_down(&self) -> u64 {
        self.counters.bytes_down.load(Ordering::Relaxed)
    }

    /// How often a client spoke after the server, or as the first, summed over all connections.
    ///
    /// Commands that are sent together count once. Take the difference around a single operation, for connecting
    /// costs round trips too. A pipeline of more than a few kilobytes may count more than once, because the
    /// server answers its beginning while its end is still under way.
    pub fn round_trips(&self) -> u64 {
        self.counters.round_trips.load(Ordering::Relaxed)
    }

    /// How many connections were accepted and not reset at once.
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort(); // and with it the connections, which it owns
    }
}

async fn accept_all(
    listener: TcpListener,
    target_port: u16,
    condition: watch::Receiver<Condition>,
    counters: Arc<Counters>,
) {
    let mut connections = JoinSet::new();
    loop {
        let mut client = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => client,
                Err(_) => {
                    // The client gave up before it was accepted, or descriptors ran out: the others go on.
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            // Reaped here, so that a long test does not collect finished tasks.
            Some(_) = connections.join_next() => continue,
        };
        let Condition { fault, cuts } = *condition.borrow();
        if matches!(fault, Fault::Cut | Fault::Refuse) {
            reset(&client);
            continue;
        }
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let (watched, mut cut_watch, counters) =
            (condition.clone(), condition.clone(), Arc::clone(&counters));
        connections.spawn(async move {
            let was_cut = tokio::select! {
                biased; // the cut wins over bytes that are ready too
                _ = cut_watch.wait_for(|now| now.cuts != cuts) => true,
                _ = link::forward(&mut client, target_port, watched, &counters) => false,
            };
            if was_cut {
                reset(&client);
            }
        });
    }
}

/// Makes closing `stream` send a reset instead of an orderly end.
fn reset(stream: &TcpStream) {
    // Fails only when the client is gone already.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Instant;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::RedisServer;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn connect(proxy: &FaultProxy) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))
            .await
            .unwrap()
    }

    /// Sends `count` PINGs in one write and reads as many answers.
    async fn ping(stream: &mut TcpStream, count: usize) -> io::Result<()> {
        stream
            .write_all("PING\r\n".repeat(count).as_bytes())
            .await?;
        let mut replies = vec![0; "+PONG\r\n".len() * count];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut replies))
            .await
            .expect("an answer in time")?;
        assert_eq!(replies, "+PONG\r\n".repeat(count).as_bytes());
        Ok(())
    }

    async fn server_and_proxy() -> (RedisServer, FaultProxy) {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        (server, proxy)
    }

    #[tokio::test]
    async fn commands_that_travel_together_are_one_round_trip() {
        let (_server, proxy) = server_and_proxy().await;
        let mut stream = connect(&proxy).await;
        ping(&mut stream, 1).await.unwrap();
        assert_eq!(proxy.round_trips(), 1);
        ping(&mut stream, 20).await.unwrap();
        assert_eq!(proxy.round_trips(), 2);
        for _ in 0..3 {
            ping(&mut stream, 1).await.unwrap();
        }
        assert_eq!(proxy.round_trips(), 5);
        ping(&mut connect(&proxy).await, 1).await.unwrap();
        assert_eq!((proxy.round_trips(), proxy.connections()), (6, 2));
        assert_eq!((proxy.bytes_up(), proxy.bytes_down()), (25 * 6, 25 * 7));
    }

    #[tokio::test]
    async fn blackhole_keeps_bytes_until_it_ends() {
        let (_server, proxy) = server_and_proxy().await;
        let mut stream = connect(&proxy).await;
        ping(&mut stream, 1).await.unwrap();
        proxy.set(Fault::Blackhole);
        stream.write_all(b"PING\r\n").await.unwrap();
        let mut reply = [0; 7];
        let silence =
            tokio::time::timeout(Duration::from_millis(50), stream.read_exact(&mut reply)).await;
        assert!(silence.is_err(), "a blackhole answered");
        proxy.set(Fault::None);
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
    }

    #[tokio::test]
    async fn latency_delays_both_directions() {
        let (_server, proxy) = server_and_proxy().await;
        let mut stream = connect(&proxy).await;
        proxy.set(Fault::Latency(Duration::from_millis(20)));
        let begin = Instant::now();
        ping(&mut stream, 1).await.unwrap();
        assert!(
            begin.elapsed() >= Duration::from_millis(40),
            "{:?}",
            begin.elapsed()
        );
    }

    #[tokio::test]
    async fn cut_resets_old_and_new_connections_until_it_ends() {
        let (_server, proxy) = server_and_proxy().await;
        let mut old = connect(&proxy).await;
        ping(&mut old, 1).await.unwrap();
        proxy.set(Fault::Cut);
        let error = old.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        ping(&mut connect(&proxy).await, 1).await.unwrap_err();
        proxy.set(Fault::None);
        ping(&mut old, 1).await.unwrap_err();
        ping(&mut connect(&proxy).await, 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_cut_that_ends_at_once_still_cuts() {
        let (_server, proxy) = server_and_proxy().await;
        let mut stream = connect(&proxy).await;
        ping(&mut stream, 1).await.unwrap();
        proxy.set(Fault::Cut);
        proxy.set(Fault::None);
        ping(&mut stream, 1).await.unwrap_err();
    }

    #[tokio::test]
    async fn refuse_spares_old_connections() {
        let (_server, proxy) = server_and_proxy().await;
        let mut old = connect(&proxy).await;
        ping(&mut old, 1).await.unwrap();
        proxy.set(Fault::Refuse);
        ping(&mut connect(&proxy).await, 1).await.unwrap_err();
        ping(&mut old, 1).await.unwrap();
    }

    #[tokio::test]
    async fn a_killed_server_ends_the_connection() {
        let (server, proxy) = server_and_proxy().await;
        let mut stream = connect(&proxy).await;
        ping(&mut stream, 1).await.unwrap();
        server.kill();
        assert_eq!(
            tokio::time::timeout(PATIENCE, stream.read(&mut [0; 1]))
                .await
                .unwrap()
                .unwrap(),
            0
        );
    }
}
