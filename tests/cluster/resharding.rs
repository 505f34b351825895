//! Slots that move from one server to another while they are used.

use larder_redis::RedisStore;
use larder_testkit::RedisCluster;

use crate::stage::{Origin, cache_on, in_time, name};

/// Keys of one slot.
fn keys() -> Vec<String> {
    (0..40).map(|number| format!("{{slot}}:{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_under_load_and_nobody_notices() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let (here, elsewhere) = (
            cache_on(RedisStore::builder(cluster.url())).await,
            cache_on(RedisStore::builder(cluster.url())).await,
        );
        let keys = keys();
        // The keys' slot, and that of their generation, each from one server to the next and back.
        let slots = [
            cluster.slot_of(&name(&keys[0])).await,
            cluster.slot_of("larder:v1:#tag:all of them").await,
        ];
        let origin = Origin::default();
        let moving = async {
            for slot in slots.into_iter().chain(slots) {
                let from = cluster.primary_of(slot).await;
                let to = (from + 1) % RedisCluster::PRIMARIES;
                origin.meets(200).await;
                cluster.begin_move(slot, from, to).await;
                origin.meets(200).await;
                cluster.move_keys(slot, from, to).await;
                origin.meets(200).await;
                // What was begun at the old server meanwhile.
                cluster.move_keys(slot, from, to).await;
                cluster.end_move(slot, from, to).await;
                origin.meets(200).await;
            }
            origin.end();
        };
        tokio::join!(
            moving,
            origin.change(&here),
            origin.read_here(&here, &keys),
            origin.read_here(&here, &keys),
            origin.read_here(&here, &keys),
            origin.read_elsewhere(&elsewhere, &keys),
            origin.read_elsewhere(&elsewhere, &keys),
            origin.read_elsewhere(&elsewhere, &keys),
        );
        for cache in [&here, &elsewhere] {
            let stats = cache.stats();
            assert_eq!(stats.errors, 0, "{stats:?}");
            assert!(stats.hits > 0, "{stats:?}");
        }
        let asked = cluster.primaries()[0].ask(&["INFO", "commandstats"]).await;
        assert!(asked.contains("cmdstat_asking"), "{asked}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_have_moved_are_read_and_filled_where_they_are() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let cache = cache_on(RedisStore::builder(cluster.url())).await;
        let keys = keys();
        let (old, new) = keys.split_at(20);
        for key in old {
            cache.set(key.as_str(), &1_u8).await.expect("it is stored");
        }
        let slot = cluster.slot_of(&name(&keys[0])).await;
        let from = cluster.primary_of(slot).await;
        let to = (from + 1) % RedisCluster::PRIMARIES;
        cluster.begin_move(slot, from, to).await;
        cluster.move_keys(slot, from, to).await;
        // The old server sends on for each key, the new one serves only who says so.
        let found = cache.get_many::<u8>(old).await.expect("it answers");
        assert_eq!(found, vec![Some(1); old.len()]);
        for key in new {
            assert_eq!(cache.load(key.as_str(), || async { 2_u8 }).await, 2);
            assert_eq!(cache.load(key.as_str(), || async { 3_u8 }).await, 2);
        }
        cluster.end_move(slot, from, to).await;
        let found = cache.get_many::<u8>(new).await.expect("it answers");
        assert_eq!(found, vec![Some(2); new.len()]);
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}
