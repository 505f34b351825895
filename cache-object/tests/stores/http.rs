//! WebDAV, and web servers that only read.

use std::time::Duration;

use larder_core::blobs::{Blobs, Name, When};
use larder_core::store::{Family, Part, Scopes};
use larder_core::{Clock, Pattern, Store, StoreError};
use larder_object::{ConnectError, HttpStore};
use larder_testkit::{S3Server, WebDavServer};

const MINUTE: Duration = Duration::from_secs(60);

async fn open(server: &WebDavServer) -> HttpStore {
    let store = HttpStore::builder(server.url()).connect().await;
    store.expect("it answers")
}

#[tokio::test]
async fn copies_are_put_read_listed_and_deleted() {
    let server = WebDavServer::start();
    let store = open(&server).await;
    let keys = crate::file::hostile_keys();
    for key in &keys {
        let entry = key.as_bytes();
        store
            .copy(key, entry, Some(MINUTE))
            .await
            .expect("it is put");
    }
    for key in &keys {
        let reading = store.read(key, Scopes::Named(&["all".to_owned()])).await;
        let reading = reading.expect("it is read");
        assert_eq!(reading.slot.as_deref(), Some(key.as_bytes()), "{key:?}");
        assert_eq!(
            reading.generations,
            [None],
            "generations are kept elsewhere"
        );
    }
    let (mut listed, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let everywhere = Pattern::everywhere();
        let page = store
            .scan(Family::Slots, &everywhere, cursor.as_deref(), 2)
            .await;
        let page = page.expect("it is listed");
        listed.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    listed.sort();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(listed, sorted);

    store
        .invalidate(&["all".to_owned()], &keys)
        .await
        .expect("they are deleted");
    let slots = store.slots(&keys, Part::Head).await.expect("they are read");
    assert_eq!(slots, vec![None; keys.len()]);
    store
        .invalidate(&[], &keys)
        .await
        .expect("it is safe to repeat");
}

#[tokio::test]
async fn there_are_no_leases_and_no_conditions() {
    let server = WebDavServer::start();
    let store = open(&server).await;
    assert!(Store::capabilities(&store).copies_only);
    let put = store.put(Name::Slot(":key"), b"", When::Absent, None).await;
    assert!(
        matches!(put, Err(StoreError::Unsupported { .. })),
        "{put:?}"
    );
}

#[tokio::test]
async fn a_server_that_only_reads_serves_and_refuses() {
    let server = WebDavServer::start();
    let store = open(&server).await;
    store.copy(":key", b"entry", None).await.expect("it is put");
    server.make_static();
    let store_of_reads = open(&server).await;
    let reading = store_of_reads.read(":key", Scopes::Named(&[])).await;
    assert_eq!(
        reading.expect("it is read").slot.as_deref(),
        Some(&b"entry"[..])
    );
    let missing = store_of_reads.read(":other", Scopes::Named(&[])).await;
    assert_eq!(missing.expect("it is read").slot, None);
    let copied = store_of_reads.copy(":key", b"newer", None).await;
    assert!(
        matches!(copied, Err(StoreError::Refused { .. })),
        "{copied:?}"
    );
    let deleted = store_of_reads.invalidate(&[], &[":key".to_owned()]).await;
    assert!(
        matches!(deleted, Err(StoreError::Refused { .. })),
        "{deleted:?}"
    );
}

#[tokio::test]
async fn half_a_copy_is_nothing() {
    let server = WebDavServer::start();
    let store = open(&server).await;
    store
        .copy(":key", &[7; 1_000], None)
        .await
        .expect("it is put");
    let object = server.folder().join("larder/v1/slots/!3Akey");
    let bytes = std::fs::read(&object).expect("it is there");
    for length in [0, 1, 40, 41, 45, 500, bytes.len() - 1] {
        std::fs::write(&object, &bytes[..length]).expect("it is cut");
        let reading = store.read(":key", Scopes::Named(&[])).await;
        assert_eq!(reading.expect("it is read").slot, None, "{length} bytes");
    }
}

#[tokio::test]
async fn what_has_ended_is_cleaned_up() {
    let server = WebDavServer::start();
    let clock = Clock::hand_wound();
    let store = HttpStore::builder(server.url())
        .clock(clock.clone())
        .connect()
        .await;
    let store = store.expect("it answers");
    assert_eq!(
        store.cleanup_expired().await.expect("there is nothing yet"),
        0
    );
    store
        .copy(":short", b"entry", Some(MINUTE))
        .await
        .expect("it is put");
    store
        .copy(":long", b"entry", None)
        .await
        .expect("it is put");
    std::fs::write(server.folder().join("larder/v1/slots/empty"), b"").expect("it is written");
    clock.advance(MINUTE);
    assert_eq!(store.cleanup_expired().await.expect("it answers"), 1);
    let keys = [":short".to_owned(), ":long".to_owned()];
    let slots = store
        .slots(&keys, Part::Whole)
        .await
        .expect("they are read");
    assert!(slots[0].is_none() && slots[1].is_some());
}

#[tokio::test]
async fn user_and_password_are_sent_and_not_shown() {
    let server = S3Server::start(); // it refuses whoever does not sign as S3 wants it
    let url = format!("http://ada:hunter2@127.0.0.1:{}/larder", server.port());
    let builder = HttpStore::builder(url);
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.connect().await.expect_err("it is refused");
    let shown = format!("{error} {error:?}");
    assert!(matches!(error, ConnectError::Refused(_)), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("aHVudGVyMg"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_server_that_was_gone_is_used_again() {
    let server = WebDavServer::start();
    let store = open(&server).await;
    store.copy(":key", b"entry", None).await.expect("it is put");
    server.kill();
    let gone = store.read(":key", Scopes::Named(&[])).await;
    assert!(
        matches!(gone, Err(StoreError::Unreachable { .. })),
        "{gone:?}"
    );
    let error = HttpStore::builder(server.url()).connect().await;
    assert!(
        matches!(error, Err(ConnectError::Unreachable(_))),
        "{error:?}"
    );
    server.restart();
    let back = store.read(":key", Scopes::Named(&[])).await;
    assert!(back.expect("it is read").slot.is_some());
}
