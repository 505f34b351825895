//! Changes of an entry that was seen, wherever it lies.

use larder::LayerName::L2;
use larder::store::{Claim, Expected, LeaseRequest, Leased, Nonce, Patch, Store as _};
use larder_core::Stack;

use crate::sealed::restamped;
use crate::stage::{KEY, MINUTE, Stage, evict, in_time, look, look_stored, scopes, slot_in, stats};

fn identity(entry: &[u8]) -> Nonce {
    let head = larder_core::slot::SlotHead::parse(entry).expect("it is ours");
    head.identity.expect("it is an entry")
}

/// Lets the entry live so many minutes from now on; whether it was there.
async fn live(stage: &Stage, stack: &Stack, entry: &[u8], minutes: u32) -> bool {
    let ttl = minutes * MINUTE;
    let patch = Patch {
        identity: identity(entry),
        bytes: &restamped(KEY, entry, stage.after(ttl)),
        scopes: &scopes(&[]),
        ttl: Some(ttl),
    };
    stack.patch(KEY, patch).await.expect("it answers")
}

/// Its copies on other machines do not know, and there is no way to tell them.
#[tokio::test]
async fn an_entry_that_is_to_live_shorter_ends_its_copies() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let here = stage.stack().await;
        let elsewhere = Stage::local_and_shared().await;
        let there = stage.stack_of(vec![elsewhere.store(0).await, stage.store(1).await]);
        let entry = stage.fill(&here, &[], "value").await;
        assert!(look(&there, &[]).await.expect("it answers").is_some());
        there.flush().await;
        assert!(live(&stage, &here, &entry, 5).await);
        assert!(!live(&stage, &here, &entry, 5).await, "it is another one");
        for stack in [&here, &there] {
            let found = look(stack, &[]).await.expect("it answers");
            assert_eq!(found.as_deref(), Some("value"));
            assert_eq!(look_stored(stack).await.as_deref(), Some("value"));
        }
        stage.advance(5 * MINUTE);
        for stack in [&here, &there] {
            assert_eq!(look_fresh(&stage, stack).await, None);
        }
    })
    .await;
}

/// What is found, if it has not expired: the authority leaves that to its readers.
async fn look_fresh(stage: &Stage, stack: &Stack) -> Option<String> {
    let found = look(stack, &[]).await.expect("it answers")?;
    let slot = slot_in(stack).await?;
    let at = slot.len() - found.len() - 24;
    let expires_at = slot[at..at + 8].try_into().expect("eight bytes");
    (u64::from_be_bytes(expires_at) > stage.after(std::time::Duration::ZERO)).then_some(found)
}

#[tokio::test]
async fn an_entry_that_is_to_live_longer_keeps_its_copies() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        assert!(live(&stage, &stack, &entry, 20).await);
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
        assert_eq!(stats(&stack, L2).hits, 1);
        // When the copy has expired, the entry is found where it lives on.
        stage.advance(10 * MINUTE);
        assert_eq!(look_fresh(&stage, &stack).await.as_deref(), Some("value"));
        stack.flush().await;
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
        assert_eq!(stats(&stack, L2).hits, 2);
    })
    .await;
}

#[tokio::test]
async fn what_only_a_copy_has_can_be_changed() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        for minutes in [5, 20] {
            let entry = stage.fill(&stack, &[], "value").await;
            evict(&*stage.store(1).await).await;
            assert!(live(&stage, &stack, &entry, minutes).await);
            evict(&*stage.store(0).await).await;
            assert_eq!(
                look(&stack, &[]).await.ok().flatten().as_deref(),
                Some("value")
            );
        }
        let gone = stage.fill(&stack, &[], "value").await;
        stack
            .invalidate(&[], &[KEY.to_owned()])
            .await
            .expect("it is taken");
        assert!(!live(&stage, &stack, &gone, 5).await);
        assert!(!live(&stage, &stack, &gone, 20).await);
    })
    .await;
}

#[tokio::test]
async fn a_tier_keeps_what_lives_longer_no_longer_than_it_keeps_any() {
    in_time(async {
        let mut stage = Stage::local_and_shared().await;
        stage.ttls = vec![None, Some(15 * MINUTE)];
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        assert!(live(&stage, &stack, &entry, 60).await);
        let left = stage.left(1).await;
        assert!(left <= 15 * MINUTE && left > 14 * MINUTE, "{left:?}");
    })
    .await;
}

/// Who saw an entry that only a copy has can take a lease over it.
#[tokio::test]
async fn a_lease_may_lie_over_what_only_a_copy_has() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        let entry = stage.fill(&stack, &[], "value").await;
        evict(&*stage.store(1).await).await;
        let scopes = scopes(&[]);
        let request = |expected| LeaseRequest {
            token: Nonce::token(Claim::Shared),
            claim: Claim::Shared,
            expected,
            lasts: MINUTE,
            scopes: &scopes,
            ttl: Some(MINUTE),
        };
        let other = request(Expected::Entry(Nonce::random()));
        let leased = stack.lease(KEY, other).await.expect("it answers");
        assert_eq!(leased, Leased::Changed);
        let seen = request(Expected::Entry(identity(&entry)));
        let leased = stack.lease(KEY, seen).await.expect("it answers");
        let Leased::Granted(lease) = leased else {
            panic!("the entry is the current one: {leased:?}");
        };
        assert_eq!(lease.over, Some(identity(&entry)));
        assert!(look(&stack, &[]).await.expect("it answers").is_some());
    })
    .await;
}
