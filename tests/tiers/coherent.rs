//! What was invalidated, or replaced, is served from no tier: neither what an invalidation did not reach
//! nor what came late.

use larder::LayerName::{L2, L3};
use larder::store::{Nonce, Scopes, Store as _, own_scope};

use crate::stage::{
    KEY, MINUTE, Stage, evict, in_time, look, look_stored, put, read_stored, slot_in, stats,
};

fn key() -> Vec<String> {
    vec![KEY.to_owned()]
}

#[tokio::test]
async fn what_was_invalidated_is_in_no_tier() {
    in_time(async {
        for (scopes, keys) in [
            (vec!["tag:tag".to_owned()], vec![]),
            (vec!["all".to_owned()], vec![]),
            (vec![], key()),
        ] {
            let stage = Stage::local_and_shared().await;
            let stack = stage.stack().await;
            let entry = stage.fill(&stack, &["tag"], "old").await;
            stack.invalidate(&scopes, &keys).await.expect("it is taken");
            stack.flush().await;
            // As if the tier had missed it.
            put(&*stage.store(0).await, &entry).await;
            assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
            assert_eq!(look_stored(&stack).await, None);
            assert_eq!(stats(&stack, L2).hits, 0);
        }
    })
    .await;
}

/// The copy lies on a machine that this process does not reach.
#[tokio::test]
async fn a_copy_on_another_machine_ends_too() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let here = stage.stack().await;
        let elsewhere = Stage::local_and_shared().await;
        let there = stage.stack_of(vec![elsewhere.store(0).await, stage.store(1).await]);
        stage.fill(&here, &["tag"], "old").await;
        assert!(look(&there, &["tag"]).await.expect("it answers").is_some());
        there.flush().await;
        assert!(elsewhere.slot(0).await.is_some(), "it was promoted");

        here.invalidate(&[], &key()).await.expect("it is taken");
        assert_eq!(look(&there, &["tag"]).await.expect("it answers"), None);
        assert_eq!(look_stored(&there).await, None);
        stage.fill(&here, &["tag"], "new").await;
        let found = look(&there, &["tag"]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("new"));
    })
    .await;
}

/// Only the step of the entry's own generation can tell the two: nothing was invalidated.
#[tokio::test]
async fn a_copy_of_what_was_replaced_is_not_served() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let old = stage.fill(&stack, &["tag"], "old").await;
        stage.fill(&stack, &["tag"], "new").await;
        let local = stage.store(0).await;
        put(&*local, &old).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("new"));
        put(&*local, &old).await;
        assert_eq!(look_stored(&stack).await.as_deref(), Some("new"));
        // Not even where the authority has lost the new one.
        put(&*local, &old).await;
        evict(&*stage.store(1).await).await;
        assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
        assert_eq!(slot_in(&stack).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_lost_generation_ends_every_copy() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        // The entry's own matters where the authority has lost the entry too.
        for (lost, slots) in [
            ("all".to_owned(), vec![]),
            ("tag:tag".to_owned(), vec![]),
            (own_scope(KEY), key()),
        ] {
            stage.fill(&stack, &["tag"], "old").await;
            let shared = stage.store(1).await;
            let lost = shared.invalidate(&[lost], &slots).await;
            lost.expect("it is taken");
            assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
            assert_eq!(look_stored(&stack).await, None);
        }
    })
    .await;
}

/// It was stored before the code knew of the tag, whose invalidation would not reach it.
#[tokio::test]
async fn a_copy_must_be_in_every_scope_that_is_asked_for() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        stage.fill(&stack, &["tag"], "tagged").await;
        stage.fill(&stack, &[], "untagged").await;
        assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
        assert_eq!((stats(&stack, L2).hits, stats(&stack, L3).hits), (0, 0));
        let found = look(&stack, &[]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("untagged"));
    })
    .await;
}

/// Of such an entry the next fill would not end the copies.
#[tokio::test]
async fn what_has_no_scope_of_its_own_is_not_copied() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let seal = |sealed: crate::sealed::Sealed<'_>| {
            let scopes = &sealed.scopes[..sealed.scopes.len() - 1];
            crate::sealed::Sealed { scopes, ..sealed }.value("value")
        };
        let entry = stage.fill_with(&stack, &[], MINUTE, seal).await;
        stack.flush().await;
        assert_eq!(stage.slot(0).await, None);
        assert_eq!(look_stored(&stack).await.as_deref(), Some("value"));
        stack.flush().await;
        assert_eq!(stage.slot(0).await, None, "nor promoted");
        // Nor served from where it should not be.
        put(&*stage.store(0).await, &entry).await;
        evict(&*stage.store(1).await).await;
        assert_eq!(look_stored(&stack).await, None);
    })
    .await;
}

/// A number changes in place at the authority. A copy would show what it was.
#[tokio::test]
async fn a_number_is_at_the_authority_alone() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let seal = |sealed: crate::sealed::Sealed<'_>| sealed.number(7);
        let entry = stage.fill_with(&stack, &[], MINUTE, seal).await;
        stack.flush().await;
        assert_eq!(stage.slot(0).await, None);
        // Nor is one that got into another tier served from it.
        put(&*stage.store(0).await, &entry).await;
        let before = stats(&stack, L3).hits;
        let reading = stack.read(KEY, Scopes::Stored).await.expect("it answers");
        assert_eq!(reading.slot, Some(entry));
        assert_eq!(
            (stats(&stack, L2).hits, stats(&stack, L3).hits),
            (0, before + 1)
        );
        stack.flush().await;
        assert_eq!(stats(&stack, L2).promotions, 0);
    })
    .await;
}

/// The copy was on its way while the key was invalidated.
#[tokio::test]
async fn a_copy_that_comes_late_is_not_served() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        stage.servers[0].pause();
        let seal = |sealed: crate::sealed::Sealed<'_>| sealed.value("old");
        stage.fill_with(&stack, &[], MINUTE, seal).await;
        let writing = tokio::spawn({
            let stack = stack.clone();
            async move { stack.flush().await }
        });
        stack.invalidate(&[], &key()).await.expect("it is taken");
        stage.servers[0].resume();
        writing.await.expect("it ends");
        stack.flush().await;
        assert_eq!(look(&stack, &[]).await.expect("it answers"), None);
        assert_eq!(look_stored(&stack).await, None);
    })
    .await;
}

#[tokio::test]
async fn what_only_a_copy_has_is_found_by_a_scan() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        stage.fill(&stack, &[], "value").await;
        evict(&*stage.store(1).await).await;
        let pattern = larder::Pattern::from("k*");
        let family = larder::store::Family::Slots;
        let mut keys = Vec::new();
        let mut cursor = None;
        loop {
            let scan = stack.scan(family, &pattern, cursor.as_deref(), 100).await;
            let scan = scan.expect("it answers");
            keys.extend(scan.keys);
            cursor = scan.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(keys, [KEY]);
        stack.invalidate(&[], &keys).await.expect("it is taken");
        assert_eq!(look(&stack, &[]).await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_is_taken_once_from_all_tiers() {
    in_time(async {
        for evicted in [None, Some(0), Some(1)] {
            let stage = Stage::local_and_shared().await;
            let (stack, other) = (stage.stack().await, stage.stack().await);
            stage.fill(&stack, &["tag"], "value").await;
            if let Some(at) = evicted {
                evict(&*stage.store(at).await).await;
            }
            let taken = tokio::join!(stack.take(KEY), other.take(KEY), stack.take(KEY));
            let taken = [taken.0, taken.1, taken.2].map(|taken| taken.expect("it answers"));
            let values = taken.iter().filter_map(read_stored);
            assert_eq!(values.collect::<Vec<_>>(), ["value"], "{evicted:?}");
            assert_eq!(look(&other, &["tag"]).await.expect("it answers"), None);
            assert_eq!(look_stored(&stack).await, None);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_removed_is_counted_once_and_gone_from_all_tiers() {
    in_time(async {
        for evicted in [None, Some(0), Some(1)] {
            let stage = Stage::local_and_shared().await;
            let (stack, other) = (stage.stack().await, stage.stack().await);
            let entry = stage.fill(&stack, &["tag"], "value").await;
            if let Some(at) = evicted {
                evict(&*stage.store(at).await).await;
            }
            let head = larder_core::slot::SlotHead::parse(&entry).expect("it is ours");
            let meant = [(KEY.to_owned(), head.identity.expect("it is an entry"))];
            let other_one = [(KEY.to_owned(), Nonce::random())];
            assert_eq!(stack.remove(&other_one).await.ok(), Some(0));
            assert!(look(&stack, &["tag"]).await.expect("it answers").is_some());
            let removed = tokio::join!(
                stack.remove(&meant),
                other.remove(&meant),
                stack.remove(&meant)
            );
            let removed = [removed.0, removed.1, removed.2];
            let removed = removed.map(|removed| removed.expect("it answers"));
            assert_eq!(removed.iter().sum::<u64>(), 1, "{evicted:?}");
            assert_eq!(look(&other, &["tag"]).await.expect("it answers"), None);
            assert_eq!(look_stored(&stack).await, None);
        }
    })
    .await;
}
