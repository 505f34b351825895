//! Bytes that are none of ours, and a server that counts anew.

use larder_core::Store as _;
use larder_core::blobs::{Blobs as _, Name, When};
use larder_core::slot::SlotHead;
use larder_core::store::{Claim, Nonce, Scopes};

use crate::stage::{Stage, ask, in_time, noise, put_raw, store_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_a_slot_or_a_generation_is_a_miss() {
    in_time(async {
        let Stage {
            server,
            cache,
            other,
        } = &Stage::start().await;
        let lock = Nonce::token(Claim::Exclusive);
        let garbage = [
            Vec::new(),
            b"LRD2".to_vec(),
            noise(44),
            noise(100_000),
            vec![0; 16],
            vec![0xff; 3_000],
            // A lock that no process of ours could hold.
            SlotHead::bare_lease(lock, u64::MAX),
            [SlotHead::bare_lease(lock, 0), noise(50)].concat(),
        ];
        for (round, bytes) in (1_u64..).zip(&garbage) {
            for place in ["larder:v1::key", "larder:v1:#tag:tag", "larder:v1:#all"] {
                put_raw(server, place, bytes).await;
                // Sixteen bytes are a generation, if no entry's.
                let stored = other.get::<u64>("key").await.expect("it answers");
                assert_eq!(stored, None, "{place}");
                let load = cache.load("key", || async { round }).tags(["tag"]);
                assert_eq!(load.lock().await, round);
                let stored = other.get("key").await.expect("it answers");
                assert_eq!(stored, Some(round), "{place}");
            }
        }
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_under_another_key_is_not_believed() {
    in_time(async {
        let Stage { server, cache, .. } = &Stage::start().await;
        cache.set("mine", &1_u8).await.expect("it is stored");
        let store = store_on(&server.url()).await;
        let reading = store.read(":mine", Scopes::Named(&[])).await;
        let entry = reading.expect("it answers").slot.expect("it is there");
        put_raw(server, "larder:v1::yours", &entry).await;
        assert_eq!(cache.get::<u8>("mine").await.expect("it answers"), Some(1));
        assert_eq!(cache.get::<u8>("yours").await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_emptied_gives_misses() {
    in_time(async {
        let Stage {
            server,
            cache,
            other,
        } = &Stage::start().await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(ask(server, b"flush_all\r\n").await, "OK");
        assert_eq!(other.get::<u8>("key").await.expect("it answers"), None);
        assert_eq!(other.load("key", || async { 2_u8 }).await, 2);
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(2));
    })
    .await;
}

/// The first put on a server that was started again has the number that the first one had before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_from_before_a_restart_is_not_compared() {
    in_time(async {
        let Stage { server, .. } = &Stage::start().await;
        let store = store_on(&server.url()).await;
        let name = Name::Slot(":key");
        let put = store.put(name, b"old", When::Absent, None).await;
        assert!(put.expect("it answers"));
        let found = store.get(&[name]).await.expect("it answers").remove(0);
        let version = found.expect("it is there").version;

        server.restart().await;
        put_raw(server, "larder:v1::key", b"new").await;
        // The first call meets the connection that is dead.
        let mut answer = store.put(name, b"mine", When::Is(version), None).await;
        while answer.is_err() {
            answer = store.put(name, b"mine", When::Is(version), None).await;
        }
        assert_eq!(answer.ok(), Some(false));
        let found = store.get(&[name]).await.expect("it answers").remove(0);
        assert_eq!(found.expect("it is there").bytes, b"new");
    })
    .await;
}
