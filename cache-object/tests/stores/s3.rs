//! S3: races for an object, hostile names and objects, what has ended, a server that goes and comes.

use std::time::Duration;

use futures_util::future::join_all;
use larder_core::blobs::{Blobs, Name, When};
use larder_core::store::Family;
use larder_core::{Cache, Clock, Pattern, StoreError};
use larder_object::{ConnectError, S3Store, S3StoreBuilder};
use larder_testkit::{Fault, FaultProxy, S3Server};

const MINUTE: Duration = Duration::from_secs(60);

fn builder(server: &S3Server) -> S3StoreBuilder {
    S3Store::builder(server.bucket())
        .endpoint(server.endpoint())
        .access_keys(server.access_key(), server.secret_key())
}

async fn open(server: &S3Server) -> S3Store {
    builder(server).connect().await.expect("it answers")
}

fn cache(store: S3Store) -> Cache {
    let budget = Duration::from_secs(10);
    Cache::builder().store(store).time_budget(budget).build()
}

async fn names(store: &S3Store, family: Family, about: usize) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let everywhere = Pattern::everywhere();
        let page = store.list(family, &everywhere, cursor.as_deref(), about);
        let page = page.await.expect("it lists");
        names.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            names.sort();
            return names;
        }
    }
}

#[tokio::test]
async fn of_twenty_that_begin_a_blob_one_does() {
    let server = S3Server::start();
    let (one, other) = (open(&server).await, open(&server).await);
    let begin = |number: u8| {
        let store = if number.is_multiple_of(2) {
            &one
        } else {
            &other
        };
        let name = Name::Generation("tag:users");
        async move { store.put(name, &[number], When::Absent, None).await }
    };
    let begun = join_all((0..20).map(begin)).await;
    let winners = begun.iter().filter(|begun| matches!(begun, Ok(true)));
    assert_eq!(winners.count(), 1, "{begun:?}");
}

#[tokio::test]
async fn of_twenty_that_change_a_blob_one_does() {
    let server = S3Server::start();
    let store = open(&server).await;
    let name = Name::Slot(":key");
    store
        .put(name, b"same", When::Anything, None)
        .await
        .expect("it is put");
    let seen = store.get(&[name]).await.expect("it is read").remove(0);
    let version = seen.expect("it is there").version;
    // The same bytes again, so that only the version can tell.
    let put = |_| store.put(name, b"same", When::Is(version.clone()), None);
    let changed = join_all((0..20).map(put)).await;
    let winners = changed.iter().filter(|changed| matches!(changed, Ok(true)));
    assert_eq!(winners.count(), 1, "{changed:?}");
}

#[tokio::test]
async fn what_was_deleted_is_not_what_was_seen() {
    let server = S3Server::start();
    let store = open(&server).await;
    let name = Name::Slot(":key");
    store
        .put(name, b"one", When::Anything, None)
        .await
        .expect("it is put");
    let seen = store.get(&[name]).await.expect("it is read").remove(0);
    let version = seen.expect("it is there").version;
    store.delete(&[name]).await.expect("it is deleted");
    let put = store.put(name, b"two", When::Is(version), None).await;
    assert!(matches!(put, Ok(false)), "{put:?}");
    assert!(store.get(&[name]).await.expect("it is read")[0].is_none());
}

#[tokio::test]
async fn a_key_may_be_anything_and_is_listed_as_it_is() {
    let server = S3Server::start();
    let store = open(&server).await;
    let mut keys = crate::file::hostile_keys();
    for key in &keys {
        let put = store.put(Name::Slot(key), key.as_bytes(), When::Absent, None);
        assert!(put.await.expect("it is put"), "{key:?}");
    }
    for key in &keys {
        let found = store
            .get(&[Name::Slot(key)])
            .await
            .expect("it is read")
            .remove(0);
        assert_eq!(found.expect("it is there").bytes, key.as_bytes(), "{key:?}");
    }
    keys.sort();
    assert_eq!(names(&store, Family::Slots, 2).await, keys);
    assert_eq!(
        names(&store, Family::OwnScopes, 2).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_place_that_none_of_ours_is_called_by_is_refused() {
    let server = S3Server::start();
    let store = open(&server).await;
    for cursor in ["", "../secret", "a b", &"a".repeat(10_000)] {
        let everywhere = Pattern::everywhere();
        let page = store
            .list(Family::Slots, &everywhere, Some(cursor), 10)
            .await;
        assert!(matches!(page, Err(StoreError::Cursor { .. })), "{page:?}");
    }
}

#[tokio::test]
async fn garbage_is_read_as_nothing_and_is_replaced() {
    let server = S3Server::start();
    let cache = cache(open(&server).await);
    cache.set("key", &7).tags(["tag"]).await.expect("it is set");
    for garbage in [&b""[..], b"garbage", &[0xff; 5_000]] {
        for object in objects(&server) {
            std::fs::write(object, garbage).expect("it is written over");
        }
        assert_eq!(cache.get::<i32>("key").await.expect("it is read"), None);
        let loaded = cache.load("key", || async { 8 }).tags(["tag"]).await;
        assert_eq!(loaded, 8);
        assert_eq!(cache.get::<i32>("key").await.expect("it is read"), Some(8));
    }
}

#[tokio::test]
async fn what_is_too_large_is_neither_written_nor_read() {
    let server = S3Server::start();
    let small = builder(&server)
        .max_entry_size(1_000)
        .connect()
        .await
        .expect("it answers");
    let name = Name::Slot(":key");
    let put = small.put(name, &[7; 1_001], When::Anything, None).await;
    assert!(
        matches!(
            put,
            Err(StoreError::TooLarge {
                size: 1_001,
                limit: 1_000,
                ..
            })
        ),
        "{put:?}"
    );
    assert!(
        small
            .put(name, &[7; 1_000], When::Absent, None)
            .await
            .expect("it is put")
    );
    // Someone put 64 MiB there, which is not even asked for.
    let object = objects(&server).remove(0);
    let file = std::fs::File::create(object).expect("it is written over");
    file.set_len(64 << 20).expect("it grows");
    let proxy = FaultProxy::start(server.port()).await;
    let far = builder(&server)
        .endpoint(format!("http://127.0.0.1:{}", proxy.port()))
        .max_entry_size(1_000)
        .connect()
        .await
        .expect("it answers");
    let found = far.get(&[name]).await.expect("it is read").remove(0);
    assert_eq!(found.expect("something is there").bytes, b"");
    assert!(proxy.bytes_down() < 16 << 20, "{}", proxy.bytes_down());
}

#[tokio::test]
async fn what_has_ended_is_cleaned_up_and_nothing_else() {
    let server = S3Server::start();
    let clock = Clock::hand_wound();
    let store = builder(&server)
        .clock(clock.clone())
        .connect()
        .await
        .expect("it answers");
    let long = "k".repeat(10_000);
    for (name, ttl) in [
        (Name::Slot(":short"), Some(MINUTE)),
        (Name::Slot(&long), Some(MINUTE)),
        (Name::Slot(":long"), Some(MINUTE * 3)),
        (Name::Slot(":forever"), None),
        (Name::Generation("short"), Some(MINUTE)),
        (Name::Generation("forever"), None),
    ] {
        let put = store.put(name, &[7; 4_000], When::Absent, ttl);
        assert!(put.await.expect("it is put"));
    }
    assert_eq!(store.cleanup_expired().await.expect("it answers"), 0);
    clock.advance(MINUTE * 2);
    assert_eq!(store.cleanup_expired().await.expect("it answers"), 3);
    assert_eq!(
        names(&store, Family::Slots, 10).await,
        [":forever", ":long"]
    );
    let found = store.get(&[Name::Generation("short"), Name::Generation("forever")]);
    let found = found.await.expect("they are read");
    assert!(found[0].is_none() && found[1].is_some());
    let left = found[1].as_ref().and_then(|blob| blob.left);
    assert_eq!(left, None);
    let found = store
        .get(&[Name::Slot(":long")])
        .await
        .expect("it is read")
        .remove(0);
    assert_eq!(found.expect("it is there").left, Some(MINUTE));
}

#[tokio::test]
async fn a_server_that_was_gone_is_used_again() {
    let server = S3Server::start();
    let cache = cache(open(&server).await);
    cache.set("key", &7).await.expect("it is set");
    server.kill();
    let gone = cache.get::<i32>("key").await.expect_err("nobody is there");
    assert!(
        matches!(
            gone,
            larder_core::Error::Store(StoreError::Unreachable { .. })
        ),
        "{gone}"
    );
    assert_eq!(cache.load("key", || async { 8 }).await, 8);
    server.restart();
    assert_eq!(cache.get::<i32>("key").await.expect("it is back"), Some(7));
}

#[tokio::test]
async fn a_server_that_says_nothing_costs_the_time_budget_and_no_more() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.port()).await;
    let store = builder(&server)
        .endpoint(format!("http://127.0.0.1:{}", proxy.port()))
        .connect()
        .await
        .expect("it answers");
    let budget = Duration::from_millis(50);
    let cache = Cache::builder().store(store).time_budget(budget).build();
    proxy.set(Fault::Blackhole);
    let silent = cache.get::<i32>("key").await.expect_err("nobody answers");
    assert!(
        matches!(
            silent,
            larder_core::Error::Store(StoreError::Timeout { .. })
        ),
        "{silent}"
    );
    assert_eq!(cache.load("key", || async { 8 }).await, 8);
    proxy.set(Fault::None);
}

#[tokio::test]
async fn a_start_says_what_is_wrong_without_what_is_secret() {
    let server = S3Server::start();
    let wrong_key = builder(&server)
        .access_keys("testkit", "hunter2")
        .connect()
        .await;
    let error = wrong_key.expect_err("it is the wrong key");
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("SignatureDoesNotMatch") && !shown.contains("hunter2"),
        "{shown}"
    );

    let no_bucket = S3Store::builder("no-such-bucket")
        .endpoint(server.endpoint())
        .access_keys(server.access_key(), server.secret_key());
    let error = no_bucket.connect().await.expect_err("there is none");
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");

    server.kill();
    let error = builder(&server)
        .connect()
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error}");
    let degraded = builder(&server).start_degraded(true).connect().await;
    let degraded = cache(degraded.expect("it may start without"));
    assert_eq!(degraded.load("key", || async { 8 }).await, 8);
    server.restart();
    degraded.set("key", &9).await.expect("it is there now");
}

/// The files behind all objects.
fn objects(server: &S3Server) -> Vec<std::path::PathBuf> {
    let (mut folders, mut files) = (vec![server.objects()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is a folder") {
            let path = entry.expect("it is read").path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files
}
