//! One connection through the proxy.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::fault_proxy::{Condition, Counters, Fault};

/// Bytes on their way, and when they arrived here. No bytes at all mark the end of the stream.
struct Chunk {
    arrived: Instant,
    bytes: Vec<u8>,
}

/// Forwards between `client` and the target until both have ended, or one of them cannot be written to.
pub(crate) async fn forward(
    client: &mut TcpStream,
    target_port: u16,
    condition: watch::Receiver<Condition>,
    counters: &Counters,
) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target_port)).await?;
    // Otherwise the system would hold small packets back, and every measured latency would be its own.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;

    let client_spoke_last = AtomicBool::new(false);
    let heard_client = |bytes: u64| {
        counters.bytes_up.fetch_add(bytes, Ordering::Relaxed);
        if !client_spoke_last.swap(true, Ordering::Relaxed) {
            counters.round_trips.fetch_add(1, Ordering::Relaxed);
        }
    };
    let heard_server = |bytes: u64| {
        counters.bytes_down.fetch_add(bytes, Ordering::Relaxed);
        client_spoke_last.store(false, Ordering::Relaxed);
    };

    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let (up, up_queue) = mpsc::unbounded_channel();
    let (down, down_queue) = mpsc::unbounded_channel();
    // Receiving and delivering are apart, so that a chunk that waits does not delay the arrival of the next.
    tokio::try_join!(
        receive(from_client, up, heard_client),
        deliver(up_queue, to_server, condition.clone()),
        receive(from_server, down, heard_server),
        deliver(down_queue, to_client, condition),
    )?;
    Ok(())
}

/// Queues what arrives. A reset counts as an end: it has to wait its turn like everything else.
async fn receive(
    mut from: ReadHalf<'_>,
    queue: mpsc::UnboundedSender<Chunk>,
    heard: impl Fn(u64),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        if length > 0 {
            heard(length as u64);
        }
        let chunk = Chunk {
            arrived: Instant::now(),
            bytes: buffer[..length].to_vec(),
        };
        if queue.send(chunk).is_err() || length == 0 {
            return Ok(());
        }
    }
}

async fn deliver(
    mut queue: mpsc::UnboundedReceiver<Chunk>,
    mut to: WriteHalf<'_>,
    mut condition: watch::Receiver<Condition>,
) -> io::Result<()> {
    while let Some(Chunk { arrived, bytes }) = queue.recv().await {
        wait_for_passage(&mut condition, arrived).await;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Waits until the fault in force lets a chunk through that arrived at `arrived`.
async fn wait_for_passage(condition: &mut watch::Receiver<Condition>, arrived: Instant) {
    loop {
        let fault = condition.borrow_and_update().fault;
        let changed = match fault {
            Fault::None | Fault::Cut | Fault::Refuse => return,
            Fault::Blackhole => condition.changed().await,
            Fault::Latency(delay) => tokio::select! {
                biased;
                changed = condition.changed() => changed,
                () = tokio::time::sleep_until(arrived + delay) => return,
            },
        };
        if changed.is_err() {
            return; // the proxy is being dropped, and this task with it
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn condition(fault: Fault) -> (watch::Sender<Condition>, watch::Receiver<Condition>) {
        watch::channel(Condition { fault, cuts: 0 })
    }

    #[tokio::test(start_paused = true)]
    async fn latency_counts_from_arrival() {
        let (_sender, mut receiver) = condition(Fault::Latency(Duration::from_millis(50)));
        let arrived = Instant::now();
        tokio::time::advance(Duration::from_millis(30)).await;
        wait_for_passage(&mut receiver, arrived).await;
        assert_eq!(arrived.elapsed(), Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn blackhole_holds_until_it_ends() {
        let (sender, mut receiver) = condition(Fault::Blackhole);
        let arrived = Instant::now();
        let day = Duration::from_secs(86_400);
        assert!(
            tokio::time::timeout(day, wait_for_passage(&mut receiver, arrived))
                .await
                .is_err()
        );
        sender.send_modify(|condition| condition.fault = Fault::None);
        wait_for_passage(&mut receiver, arrived).await;
    }
}
