//! The log of events, on one server of a cluster.

use std::sync::Arc;
use std::time::Duration;

use larder::event::log::{Content, Position, Record};
use larder::store::{Nonce, Store as _};
use larder_testkit::RedisCluster;

use crate::stage::{as_app, in_time, open, with_few_rights};

fn record(name: &str) -> Record {
    Record {
        origin: Nonce::random(),
        content: Content::Event {
            id: None,
            depth: 0,
            name: name.into(),
            payload: Arc::from(&b"{}"[..]),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_read_where_they_were_appended_also_when_their_slot_has_moved() {
    in_time(async {
        let cluster = RedisCluster::start_with(with_few_rights()).await;
        let store = || async { open(as_app(&cluster.url())).await };
        let (writer, reader) = (store().await, store().await);
        let writer = writer.events().expect("it has a log");
        let reader = reader.events().expect("it has a log");
        writer.append(&[record("one")]).await.expect("it is taken");
        let wait = Duration::from_secs(10);
        let read = reader
            .read(Position::START, wait)
            .await
            .expect("it is read");
        assert_eq!(read.len(), 1);
        let last = reader.last().await.expect("it is known");

        let slot = cluster.slot_of("shop:v1:#events").await;
        let from = cluster.primary_of(slot).await;
        let to = (from + 1) % RedisCluster::PRIMARIES;
        cluster.begin_move(slot, from, to).await;
        cluster.move_keys(slot, from, to).await;
        cluster.end_move(slot, from, to).await;
        writer.append(&[record("two")]).await.expect("it is taken");
        // The connection that waited is to the old server.
        let read = loop {
            match reader.read(last, wait).await {
                Ok(read) => break read,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(read.len(), 1);
        assert!(reader.holds(last).await.expect("it is known"));
        reader.save("consumer", last).await.expect("it is saved");
        assert_eq!(
            reader.saved("consumer").await.expect("it is known"),
            Some(last)
        );
    })
    .await;
}
