//! Slots at the port: several at once, taking, removing, changing in place.

use std::time::Duration;

use larder_core::slot::SlotHead;
use larder_core::store::{
    Claim, Expected, LeaseRequest, Leased, Nonce, Part, Patch, Reading, Scopes,
};

use crate::operation::at_once;
use crate::{Failure, Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

async fn slot(s: &Subject, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    Ok(s.port().read(key, Scopes::Named(&[])).await?.slot)
}

/// Stores an entry through the cache, and gives its bytes and its identity.
async fn stored(s: &Subject, key: &str) -> Result<(Vec<u8>, Nonce), Failure> {
    s.cache.set(key, &7_u64).tags(["tag"]).await?;
    let bytes = slot(s, &format!(":{key}")).await?.expect("it is stored");
    let identity = identity(&bytes).expect("it is an entry");
    Ok((bytes, identity))
}

fn identity(slot: &[u8]) -> Option<Nonce> {
    SlotHead::parse(slot)?.identity
}

pub(crate) async fn slots_come_in_the_order_asked(s: Subject) -> Outcome {
    let (a, _) = stored(&s, "a").await?;
    let (b, _) = stored(&s, "b").await?;
    let keys = [":b", ":never", ":a", ":b"].map(str::to_owned);
    let slots = s.port().slots(&keys, Part::Whole).await?;
    assert_eq!(slots, [Some(b.clone()), None, Some(a), Some(b)]);
    assert!(s.port().slots(&[], Part::Whole).await?.is_empty());
    Ok(())
}

pub(crate) async fn the_heads_of_slots_are_their_beginnings(s: Subject) -> Outcome {
    s.cache.set("large", &vec![7_u8; 100_000]).await?;
    let whole = slot(&s, ":large").await?.expect("it is stored");
    let keys = [":large", ":never"].map(str::to_owned);
    let heads = s.port().slots(&keys, Part::Head).await?;
    let head = heads[0].as_ref().expect("it is stored");
    assert_eq!(heads[1], None);
    assert!(whole.starts_with(head));
    assert!(head.len() >= larder_core::slot::HEAD);
    Ok(())
}

pub(crate) async fn what_is_taken_is_gone(s: Subject) -> Outcome {
    let (bytes, _) = stored(&s, "key").await?;
    let Reading {
        slot: taken,
        generations,
    } = s.port().take(":key").await?;
    assert_eq!(taken, Some(bytes));
    assert!(generations.is_empty() || generations.iter().all(Option::is_some));
    assert_eq!(slot(&s, ":key").await?, None);
    assert_eq!(s.port().take(":key").await?.slot, None);
    Ok(())
}

pub(crate) async fn taking_takes_the_lease_along(s: Subject) -> Outcome {
    stored(&s, "key").await?;
    let request = LeaseRequest {
        token: Nonce::token(Claim::Replacing),
        claim: Claim::Replacing,
        expected: Expected::Anything,
        lasts: MINUTE,
        scopes: &[],
        ttl: None,
    };
    assert!(matches!(
        s.port().lease(":key", request).await?,
        Leased::Granted(_)
    ));
    s.port().take(":key").await?;
    let request = LeaseRequest {
        token: Nonce::token(Claim::Exclusive),
        claim: Claim::Exclusive,
        expected: Expected::NoEntry,
        ..request
    };
    assert!(matches!(
        s.port().lease(":key", request).await?,
        Leased::Granted(_)
    ));
    Ok(())
}

pub(crate) async fn of_many_that_take_one_gets_the_entry(s: Subject) -> Outcome {
    let (bytes, _) = stored(&s, "key").await?;
    let takers = (0..16).map(|_| {
        let store = s.store().cloned();
        async move { store.expect("the subject has a store").take(":key").await }
    });
    let readings: Result<Vec<_>, _> = at_once(takers).await.into_iter().collect();
    let taken: Vec<_> = readings?
        .into_iter()
        .filter_map(|reading| reading.slot)
        .collect();
    assert_eq!(taken, [bytes]);
    Ok(())
}

pub(crate) async fn only_the_entry_that_was_seen_is_removed(s: Subject) -> Outcome {
    let (_, old) = stored(&s, "key").await?;
    let (bytes, new) = stored(&s, "key").await?;
    assert_ne!(old, new, "each entry has an identity of its own");
    let key = ":key".to_owned();
    assert_eq!(s.port().remove(&[(key.clone(), old)]).await?, 0);
    assert_eq!(slot(&s, ":key").await?, Some(bytes));
    assert_eq!(
        s.port()
            .remove(&[(key.clone(), new), (":never".to_owned(), new)])
            .await?,
        1
    );
    assert_eq!(slot(&s, ":key").await?, None);
    assert_eq!(s.port().remove(&[(key, new)]).await?, 0);
    assert_eq!(s.port().remove(&[]).await?, 0);
    Ok(())
}

pub(crate) async fn fields_are_changed_in_place(s: Subject) -> Outcome {
    let (before, identity) = stored(&s, "key").await?;
    let at = before.len() - 8;
    let patch = Patch {
        identity,
        bytes: &[(at, *b"patched!")],
        scopes: &[],
        ttl: Some(MINUTE),
    };
    assert!(s.port().patch(":key", patch).await?);
    let after = slot(&s, ":key").await?.expect("it is still there");
    assert_eq!(&after[at..], b"patched!");
    assert_eq!(after[..at], before[..at]);
    Ok(())
}

pub(crate) async fn only_the_entry_that_was_seen_is_changed(s: Subject) -> Outcome {
    let (before, _) = stored(&s, "key").await?;
    let patch = Patch {
        identity: Nonce::random(),
        bytes: &[(before.len() - 8, [0; 8])],
        scopes: &[],
        ttl: Some(MINUTE),
    };
    assert!(!s.port().patch(":key", patch).await?);
    assert_eq!(slot(&s, ":key").await?, Some(before));
    assert!(!s.port().patch(":never", patch).await?);
    assert_eq!(slot(&s, ":never").await?, None, "a patch makes nothing");
    Ok(())
}

pub(crate) async fn a_store_says_its_name_and_answers(s: Subject) -> Outcome {
    assert!(!s.port().name().is_empty());
    s.port().ping().await?;
    Ok(())
}
