//! From which tier an entry comes, and where it lies afterwards.

use std::time::Duration;

use larder::LayerName::{L2, L3, L4};
use larder::Reach;
use larder::store::{Nonce, Part, Store as _};

use crate::stage::{
    KEY, MINUTE, Stage, evict, in_time, look, look_stored, put, scopes, slot_in, stats,
};

fn seconds(duration: Duration) -> u64 {
    duration.as_secs()
}

#[tokio::test]
async fn what_is_filled_lies_in_every_tier() {
    in_time(async {
        let mut stage = Stage::with(&[Reach::Host, Reach::Shared, Reach::Host]).await;
        stage.ttls = vec![Some(MINUTE), Some(5 * MINUTE), None];
        let stack = stage.stack().await;
        assert_eq!(stack.authority_layer(), L3);
        let entry = stage.fill(&stack, &["tag"], "value").await;
        for at in 0..3 {
            assert_eq!(stage.slot(at).await.as_ref(), Some(&entry), "{at}");
        }
        // Each keeps it for as long as it keeps any; ten minutes would have been the entry's own.
        let mut left = Vec::new();
        for at in 0..3 {
            left.push(seconds(stage.left(at).await));
        }
        assert!((50..=60).contains(&left[0]), "{left:?}");
        assert!((290..=300).contains(&left[1]), "{left:?}");
        assert!((590..=600).contains(&left[2]), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_hit_comes_from_the_fastest_tier_that_has_it() {
    in_time(async {
        let stage = Stage::with(&[Reach::Host, Reach::Shared, Reach::Host]).await;
        let stack = stage.stack().await;
        stage.fill(&stack, &["tag"], "value").await;
        let hits = || [L2, L3, L4].map(|layer| stats(&stack, layer).hits);
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!((found.as_deref(), hits()), (Some("value"), [1, 0, 0]));
        assert_eq!(look_stored(&stack).await.as_deref(), Some("value"));
        assert_eq!(hits(), [2, 0, 0]);

        evict(&*stage.store(0).await).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!((found.as_deref(), hits()), (Some("value"), [2, 1, 0]));
        stack.flush().await;

        evict(&*stage.store(0).await).await;
        evict(&*stage.store(1).await).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!((found.as_deref(), hits()), (Some("value"), [2, 1, 1]));
        let misses = [L2, L3, L4].map(|layer| stats(&stack, layer).misses);
        assert_eq!(misses, [2, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_hit_is_promoted_with_what_is_left_of_its_ttl() {
    in_time(async {
        let mut stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        let local = stage.store(0).await;
        evict(&*local).await;
        stage.advance(7 * MINUTE);
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
        stack.flush().await;
        assert_eq!(stage.slot(0).await, Some(entry));
        let left = seconds(stage.left(0).await);
        assert!((170..=180).contains(&left), "{left}");
        assert_eq!(stats(&stack, L2).promotions, 1);

        // And no longer than the tier keeps any.
        evict(&*local).await;
        stage.ttls[0] = Some(MINUTE);
        let stack = stage.stack().await;
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
        stack.flush().await;
        let left = seconds(stage.left(0).await);
        assert!((50..=60).contains(&left), "{left}");
    })
    .await;
}

#[tokio::test]
async fn what_only_a_tier_below_the_authority_has_is_put_back() {
    in_time(async {
        let stage = Stage::shared_and_slow().await;
        let stack = stage.stack().await;
        assert_eq!(stack.authority_layer(), L2);
        let entry = stage.fill(&stack, &["tag"], "value").await;
        let shared = stage.store(0).await;
        evict(&*shared).await;
        assert_eq!(look_stored(&stack).await.as_deref(), Some("value"));
        stack.flush().await;
        assert_eq!(stage.slot(0).await, Some(entry.clone()));
        assert_eq!(stats(&stack, L2).promotions, 1);

        // Not in the place of a lease: its holder's value is newer.
        evict(&*shared).await;
        lease(&stack).await;
        let slot = stage.slot(0).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("value"));
        stack.flush().await;
        assert_eq!(stage.slot(0).await, slot);
        assert_eq!(stats(&stack, L2).promotions, 1);
    })
    .await;
}

/// Who looks at a slot sees the lease on it, wherever the entry comes from.
#[tokio::test]
async fn an_entry_from_below_has_the_lease_of_the_authority_on_it() {
    in_time(async {
        let stage = Stage::shared_and_slow().await;
        let stack = stage.stack().await;
        stage.fill(&stack, &[], "value").await;
        evict(&*stage.store(0).await).await;
        let token = lease(&stack).await;
        let scopes = scopes(&[]);
        let named = larder::store::Scopes::Named(&scopes);
        let reading = stack.read(KEY, named).await.expect("it answers");
        let many = slot_in(&stack).await;
        for slot in [reading.slot, many] {
            let slot = slot.expect("there is a copy");
            let head = larder_core::slot::SlotHead::parse(&slot).expect("it is ours");
            assert_eq!(head.token, Some(token));
        }
    })
    .await;
}

async fn lease(stack: &larder_core::Stack) -> Nonce {
    use larder::store::{Claim, Expected, LeaseRequest, Leased};
    let token = Nonce::token(Claim::Shared);
    let request = LeaseRequest {
        token,
        claim: Claim::Shared,
        expected: Expected::Anything,
        lasts: MINUTE,
        scopes: &[],
        ttl: None,
    };
    let leased = stack.lease(KEY, request).await.expect("it answers");
    assert!(matches!(leased, Leased::Granted(_)));
    token
}

#[tokio::test]
async fn many_slots_are_looked_for_in_every_tier() {
    in_time(async {
        let stage = Stage::shared_and_slow().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        evict(&*stage.store(0).await).await;
        let keys = [":other".to_owned(), KEY.to_owned(), ":third".to_owned()];
        for part in [Part::Head, Part::Whole] {
            let slots = stack.slots(&keys, part).await.expect("it answers");
            assert_eq!(slots, [None, Some(entry.clone()), None]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_expired_copy_is_not_served() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        evict(&*stage.store(1).await).await;
        stage.advance(10 * MINUTE - Duration::from_millis(1));
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
        stage.advance(Duration::from_millis(1));
        put(&*stage.store(0).await, &entry).await;
        assert_eq!(look(&stack, &[]).await.expect("it answers"), None);
        assert_eq!(look_stored(&stack).await, None);
        assert_eq!(stats(&stack, L2).hits, 1);
    })
    .await;
}

#[tokio::test]
async fn an_expired_copy_is_there_for_loads_that_fail() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let seal = |mut sealed: crate::sealed::Sealed<'_>| {
            sealed.stale_for = 60_000;
            sealed.value("value")
        };
        stage.fill_with(&stack, &[], MINUTE, seal).await;
        stack.flush().await;
        evict(&*stage.store(1).await).await;
        stage.advance(MINUTE);
        assert_eq!(look_stored(&stack).await.as_deref(), Some("value"));
        assert_eq!(stats(&stack, L2).hits, 0, "it is not fresh");
        stage.advance(MINUTE);
        assert_eq!(look_stored(&stack).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_is_not_whole_is_a_miss() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        let local = stage.store(0).await;
        for at in [0, 10, 45, 60, entry.len() - 1] {
            let mut broken = entry.clone();
            broken[at] ^= 1;
            put(&*local, &broken).await;
            let found = look(&stack, &[]).await.expect("it answers");
            assert_eq!(found.as_deref(), Some("value"), "changed at {at}");
            stack.flush().await;
            put(&*local, &entry[..at]).await;
            assert_eq!(look_stored(&stack).await.as_deref(), Some("value"));
            stack.flush().await;
        }
        assert_eq!(stats(&stack, L2).hits, 0);
        assert_eq!(stats(&stack, L3).hits, 10);
    })
    .await;
}

#[tokio::test]
async fn a_narrowed_stack_leaves_the_other_layers_alone() {
    in_time(async {
        let stage = Stage::with(&[Reach::Host, Reach::Shared, Reach::Host]).await;
        let stack = stage.stack().await;
        let narrow = stack.only(larder::LayerSet::of(&[L4]));
        stage.fill(&narrow, &[], "value").await;
        assert_eq!(stage.slot(0).await, None);
        assert!(stage.slot(2).await.is_some());
        assert!(look(&narrow, &[]).await.expect("it answers").is_some());
        narrow.flush().await;
        assert_eq!(stage.slot(0).await, None);
        assert_eq!(stats(&stack, L2).misses, 0);
    })
    .await;
}
