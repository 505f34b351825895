//! Going through all keys of a cluster while they move.

use std::collections::BTreeSet;

use larder::Pattern;
use larder::store::{Family, Store as _};
use larder_redis::RedisStore;
use larder_testkit::RedisCluster;

use crate::stage::{cache_on, in_time, name, open};

/// Walks through all keys, and moves a slot from the server that is walked last to the one that is walked
/// first, when that one has been left.
async fn walk_while_a_slot_moves(is_ended: bool) {
    let cluster = RedisCluster::start().await;
    let builder = RedisStore::builder(cluster.url());
    let cache = cache_on(builder.clone()).await;
    let keys: BTreeSet<String> = (0..300).map(|number| format!(":key:{number}")).collect();
    for key in &keys {
        cache.set(&key[1..], &1_u8).await.expect("it is stored");
    }
    // Servers are walked in the order of their addresses; a cursor ends with the server's.
    let mut order = [0, 1, 2];
    order.sort_by_key(|&node| cluster.nodes()[node].port());
    let [first, _, last] = order;
    let mut moving = None;
    for key in &keys {
        let slot = cluster.slot_of(&name(&key[1..])).await;
        if cluster.primary_of(slot).await == last {
            moving = Some(slot);
            break;
        }
    }
    let slot = moving.expect("every server has a key");

    let store = open(builder).await;
    let pattern = Pattern::new("*");
    let (mut found, mut cursor, mut has_moved) = (BTreeSet::new(), None, false);
    loop {
        let scan = store
            .scan(Family::Slots, &pattern, cursor.as_deref(), 5)
            .await;
        let scan = scan.expect("it goes on");
        found.extend(scan.keys);
        cursor = scan.next;
        let Some(cursor) = &cursor else {
            break;
        };
        if !has_moved && !cursor.ends_with(&format!(":{}", cluster.nodes()[first].port())) {
            has_moved = true;
            cluster.begin_move(slot, last, first).await;
            cluster.move_keys(slot, last, first).await;
            if is_ended {
                cluster.end_move(slot, last, first).await;
            }
        }
    }
    assert!(has_moved);
    assert_eq!(found, keys);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_whose_slot_moves_behind_a_walk_are_found() {
    in_time(walk_while_a_slot_moves(true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_on_the_move_are_found() {
    in_time(walk_while_a_slot_moves(false)).await;
}
