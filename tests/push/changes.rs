//! Changes are heard, whoever makes them and however.

use std::time::Duration;

use larder::store::{Advance, Filled, Nonce, Scopes, Store as _};
use larder_redis::RedisStore;
use larder_testkit::{FaultProxy, RedisServer};

use crate::stage::{Stage, Told, in_time, lease, recorder, send};

#[tokio::test]
async fn every_kind_of_change_of_a_slot_is_heard() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        for change in [
            "SET shop:v1::user:7 value",
            "APPEND shop:v1::user:7 more",
            "SETRANGE shop:v1::user:7 1 other",
            "PEXPIRE shop:v1::user:7 60000",
            "PERSIST shop:v1::user:7",
            "DEL shop:v1::user:7",
            "SET shop:v1::user:7 again",
            "UNLINK shop:v1::user:7",
            "EVAL redis.call('SET',KEYS[1],'x') 1 shop:v1::user:7",
            "GETDEL shop:v1::user:7",
            "HSET shop:v1::user:7 field value",
            "RENAME shop:v1::user:7 elsewhere",
        ] {
            let _: redis::Value = send(&mut other, change).await;
            assert_eq!(stage.next().await, Told::slot(":user:7"), "{change}");
        }
    })
    .await;
}

#[tokio::test]
async fn expiry_is_heard() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let () = send(&mut other, "SET shop:v1::user:7 value PX 1").await;
        assert_eq!(stage.next().await, Told::slot(":user:7"));
        assert_eq!(stage.next().await, Told::slot(":user:7"));
        let found: Option<String> = send(&mut other, "GET shop:v1::user:7").await;
        assert_eq!(found, None);
    })
    .await;
}

#[tokio::test]
async fn eviction_is_heard() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let () = send(&mut other, "SET shop:v1::user:7 value").await;
        stage.until(&Told::slot(":user:7")).await;
        let () = send(&mut other, "CONFIG SET maxmemory-policy allkeys-lru").await;
        let () = send(&mut other, "CONFIG SET maxmemory 1").await;
        assert_eq!(stage.next().await, Told::slot(":user:7"));
    })
    .await;
}

#[tokio::test]
async fn what_another_store_does_is_heard() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let other = stage.store.clone();
        let scopes = ["tag:users".to_owned()];

        let both = [Told::generation("tag:users"), Told::slot(":user:7")];
        let token = lease(&other, ":user:7", &scopes).await;
        // What happened in one step is told in no order of its own.
        for told in &both {
            stage.until(told).await;
        }
        let ttl = Some(Duration::from_secs(60));
        let filled = other.fill(":user:7", token, b"entry", &scopes, ttl).await;
        assert_eq!(filled.expect("it answers"), Filled::Stored);
        assert_eq!(stage.next().await, both[1]);
        let read = stage.store.read(":user:7", Scopes::Named(&scopes)).await;
        let step = Advance {
            scope: scopes[0].clone(),
            from: read.expect("it answers").generations[0],
            to: Nonce::random(),
        };
        other.advance(&[step], ttl).await.expect("it answers");
        assert_eq!(stage.next().await, both[0]);
        let invalidated = other.invalidate(&scopes, &[":user:7".to_owned()]).await;
        invalidated.expect("it answers");
        for told in &both {
            assert_eq!(stage.next().await, *told);
        }
    })
    .await;
}

#[tokio::test]
async fn emptying_the_server_is_heard_as_everything() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        for command in ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"] {
            let () = send(&mut other, command).await;
            assert_eq!(stage.next().await, Told::Everything, "{command}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_thousand_changes_sent_at_once_are_all_heard() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let mut changes = redis::pipe();
        for id in 0..1_000 {
            let name = format!("shop:v1::user:{id}");
            changes.cmd("SET").arg(name).arg(id).ignore();
        }
        let () = changes.query_async(&mut other).await.expect("it answers");
        let mut missing: std::collections::HashSet<_> = (0..1_000)
            .map(|id| Told::Slot(format!(":user:{id}")))
            .collect();
        while !missing.is_empty() {
            let told = stage.next().await;
            missing.remove(&told);
        }
    })
    .await;
}

#[tokio::test]
async fn other_prefixes_and_events_are_not_told_of() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        for change in [
            "SET shop:v2::user:7 value",
            "SET other:v1::user:7 value",
            "SET shop:v1:#events:position:mail 1-0",
            "XADD shop:v1:#events * field value",
        ] {
            let _: redis::Value = send(&mut other, change).await;
        }
        assert_eq!(stage.so_far(&mut other).await, []);
    })
    .await;
}

#[tokio::test]
async fn changes_are_heard_with_a_login_another_database_and_tls() {
    in_time(async {
        let server = RedisServer::builder()
            .acl_user("app", "secret")
            .tls()
            .start()
            .await;
        let builder = RedisStore::builder(server.url_with(3)).root_certificates(server.ca_pem());
        let mut stage = Stage::unheard(builder.clone(), None).await;
        assert_eq!(stage.next().await, Told::Regained);
        let other = builder.prefix("shop").connect().await.expect("it is there");
        let changed = other.copy(":user:7", b"entry", None).await;
        changed.expect("it answers");
        assert_eq!(stage.next().await, Told::slot(":user:7"));
        let read = stage.store.read(":user:7", Scopes::Named(&[])).await;
        assert_eq!(
            read.expect("it answers").slot.as_deref(),
            Some(&b"entry"[..])
        );
    })
    .await;
}

#[tokio::test]
async fn a_handle_tells_one_watcher_and_a_clone_another() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut first = Stage::at(server.url()).await;
        assert!(!first.store.watch(recorder().0));
        let mut second = first.beside().await;
        let keys = [":user:7".to_owned()];
        assert_eq!(first.fill(":user:7", &[]).await, Filled::Stored);
        second.until(&Told::slot(":user:7")).await;
        first
            .store
            .invalidate(&[], &keys)
            .await
            .expect("it answers");
        second.until(&Told::slot(":user:7")).await;
        let _ = first.heard();
        assert_eq!(second.fill(":user:7", &[]).await, Filled::Stored);
        first.until(&Told::slot(":user:7")).await;
    })
    .await;
}

#[tokio::test]
async fn a_hit_and_a_fill_are_one_round_trip_each() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let mut stage = Stage::behind(&proxy, server.url()).await;
        let mut other = stage.other().await;
        let scopes = ["tag:users".to_owned()];
        // The store asks from time to time whether all is well, which counts as well, but not every time.
        let (mut reading, mut filling) = (u64::MAX, u64::MAX);
        for _ in 0..5 {
            let token = stage.lease(":user:7", &scopes).await;
            let _ = stage.so_far(&mut other).await;
            let before = proxy.round_trips();
            let filled = stage.fill_under(":user:7", token, &scopes).await;
            assert_eq!(filled.expect("it answers"), Filled::Stored);
            filling = filling.min(proxy.round_trips() - before);
            let before = proxy.round_trips();
            let read = stage.store.read(":user:7", Scopes::Named(&scopes)).await;
            assert!(read.expect("it answers").slot.is_some());
            reading = reading.min(proxy.round_trips() - before);
        }
        assert_eq!((reading, filling), (1, 1));
    })
    .await;
}
