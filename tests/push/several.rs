//! Changes are heard from every primary of a cluster, and from the one that sentinels name.

use larder::store::{Filled, Scopes, Store as _};
use larder_redis::RedisStore;
use larder_testkit::{RedisCluster, Sentinels};

use crate::stage::{Stage, Told, in_time, other, send};

async fn on(cluster: &RedisCluster) -> Stage {
    let mut stage = Stage::unheard(RedisStore::builder(cluster.url()), None).await;
    assert_eq!(stage.next().await, Told::Regained);
    stage
}

/// What others change is heard, wherever the keys are.
async fn hears(stage: &mut Stage) {
    let others = stage.store.clone();
    let keys: Vec<String> = (0..30).map(|id| format!(":user:{id}")).collect();
    for key in &keys {
        // A server that is no primary yet, or any more, may be asked first.
        while others.copy(key, b"entry", None).await.is_err() {
            tokio::task::yield_now().await;
        }
        stage.until(&Told::slot(key)).await;
    }
}

#[tokio::test]
async fn thirty_changes_on_all_primaries_are_heard() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        hears(&mut stage).await;
        // Braces decide where a key lies.
        let others = stage.store.clone();
        for key in [":{user}:7", ":a{", ":{}b", ":{a}{b}", "eu:}c{"] {
            let copied = others.copy(key, b"entry", None).await;
            copied.expect("it answers");
            stage.until(&Told::slot(key)).await;
            assert_eq!(stage.fill(key, &[]).await, Filled::Stored);
            let read = stage.store.read(key, Scopes::Named(&[])).await;
            assert!(read.expect("it answers").slot.is_some());
            others
                .invalidate(&[], &[key.to_owned()])
                .await
                .expect("it answers");
            stage.until(&Told::slot(key)).await;
        }
        // None of that was a loss.
        for primary in cluster.primaries() {
            let mut raw = other(&primary.url()).await;
            let () = send(&mut raw, "FLUSHALL").await;
            let before = stage.until(&Told::Everything).await;
            assert!(!before.contains(&Told::Lost), "{before:?}");
        }
    })
    .await;
}

/// All that was told of what happened so far, at every primary.
async fn so_far(stage: &mut Stage, cluster: &RedisCluster) -> Vec<Told> {
    let others = stage.store.clone();
    let mut told = Vec::new();
    let mut is_marked = [false; 3];
    for id in 0.. {
        let mark = format!(":mark:{id}");
        let slot = cluster.slot_of(&format!("shop:v1:{mark}")).await;
        is_marked[cluster.primary_of(slot).await] = true;
        let copied = others.copy(&mark, b"entry", None).await;
        copied.expect("it answers");
        told.extend(stage.until(&Told::Slot(mark)).await);
        if is_marked == [true; 3] {
            return told;
        }
    }
    told
}

#[tokio::test]
async fn what_the_store_fills_or_ends_itself_is_not_told_in_a_cluster_either() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        let scopes = ["tag:users".to_owned(), "all".to_owned()];
        for id in 0..5 {
            let key = format!(":user:{id}");
            let token = stage.lease(&key, &scopes).await;
            let _ = so_far(&mut stage, &cluster).await;
            let filled = stage.fill_under(&key, token, &scopes).await;
            assert_eq!(filled.expect("it answers"), Filled::Stored);
            let ended = stage.store.invalidate(&scopes, &[key]).await;
            ended.expect("it answers");
            assert_eq!(so_far(&mut stage, &cluster).await, []);
        }
    })
    .await;
}

#[tokio::test]
async fn a_slot_that_moves_is_heard_without_a_loss() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        let others = stage.store.clone();
        let key = ":user:7";
        let slot = cluster.slot_of("shop:v1::user:7").await;
        let from = cluster.primary_of(slot).await;
        let to = (from + 1) % 3;
        others.copy(key, b"entry", None).await.expect("it answers");
        assert_eq!(stage.next().await, Told::slot(key));

        cluster.begin_move(slot, from, to).await;
        cluster.move_keys(slot, from, to).await;
        // It left one server, and came to the other.
        assert_eq!(stage.next().await, Told::slot(key));
        assert_eq!(stage.next().await, Told::slot(key));
        // While it is asked for here and there.
        let read = stage.store.read(key, Scopes::Named(&[])).await;
        assert!(read.expect("it answers").slot.is_some());
        others
            .invalidate(&[], &[key.to_owned()])
            .await
            .expect("it answers");
        assert_eq!(stage.next().await, Told::slot(key));
        assert_eq!(stage.fill(key, &[]).await, Filled::Stored);
        cluster.end_move(slot, from, to).await;
        others
            .invalidate(&[], &[key.to_owned()])
            .await
            .expect("it answers");
        let told = stage.until(&Told::slot(key)).await;
        assert!(!told.contains(&Told::Lost), "{told:?}");
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_failover_by_consent_is_a_loss() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        cluster.fail_over_to(3).await;
        stage.until(&Told::Lost).await;
        stage.until(&Told::Regained).await;
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_a_new_primary_comes_after_the_loss() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        let slot = cluster.slot_of("shop:v1::user:7").await;
        let replica = cluster.primary_of(slot).await + 3;
        cluster.fail_over_to(replica).await;
        // What the new primary alone can answer.
        let set = ["SET", "shop:v1::user:7", "new"];
        cluster.nodes()[replica].ask(&set).await;
        let mut is_answered = false;
        while !is_answered {
            let read = stage.store.read(":user:7", Scopes::Named(&[])).await;
            is_answered = read.is_ok_and(|read| read.slot.as_deref() == Some(b"new"));
        }
        assert!(stage.heard().contains(&Told::Lost));
    })
    .await;
}

#[tokio::test]
async fn a_killed_primary_is_a_loss_until_a_replica_has_taken_over() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        cluster.nodes()[0].kill();
        assert_eq!(stage.next().await, Told::Lost);
        cluster.until_primary(3).await;
        stage.until(&Told::Regained).await;
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_primary_that_stands_still_is_a_loss() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let mut stage = on(&cluster).await;
        cluster.nodes()[1].pause();
        assert_eq!(stage.next().await, Told::Lost);
        cluster.nodes()[1].resume();
        stage.until(&Told::Regained).await;
    })
    .await;
}

#[tokio::test]
async fn the_primary_that_sentinels_name_is_heard() {
    in_time(async {
        let sentinels = Sentinels::start().await;
        let builder = RedisStore::builder(sentinels.url());
        let mut stage = Stage::unheard(builder, None).await;
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;
        sentinels.servers()[0].kill();
        assert_eq!(stage.next().await, Told::Lost);
        stage.until(&Told::Regained).await;
        hears(&mut stage).await;
    })
    .await;
}
