//! Leases at the port: who may load, and what may be stored.

use std::time::Duration;

use larder_core::slot::{self, SlotHead};
use larder_core::store::{Claim, Expected, Filled, LeaseRequest, Leased, Nonce, Scopes};

use tokio::task::yield_now;

use crate::operation::at_once;
use crate::{Failure, Outcome, Subject};

const KEY: &str = ":key";
const MINUTE: Duration = Duration::from_secs(60);

/// The bytes of an entry that carries no scopes: head, checksum, number of scopes, and a payload
/// that only its reader understands.
fn entry(identity: Nonce, payload: &[u8]) -> Vec<u8> {
    let mut bytes = SlotHead::bare_lease(Nonce::ZERO, 0);
    bytes[slot::IDENTITY..slot::TOKEN].copy_from_slice(&identity.0);
    bytes[slot::KIND] = 1;
    bytes.resize(slot::SCOPES + 2, 0);
    bytes.extend_from_slice(payload);
    bytes
}

async fn asked(
    s: &Subject,
    claim: Claim,
    expected: impl Into<Expected>,
    lasts: Duration,
) -> Result<(Nonce, Leased), Failure> {
    let token = Nonce::token(claim);
    let request = LeaseRequest {
        token,
        claim,
        expected: expected.into(),
        lasts,
        scopes: &[],
        ttl: Some(MINUTE),
    };
    Ok((token, s.port().lease(KEY, request).await?))
}

/// Asks for a lease, and says which token was granted.
async fn lease(
    s: &Subject,
    claim: Claim,
    expected: impl Into<Expected>,
) -> Result<Option<Nonce>, Failure> {
    match asked(s, claim, expected, MINUTE).await?.1 {
        Leased::Granted(lease) => Ok(Some(lease.token)),
        Leased::Held | Leased::Changed => Ok(None),
    }
}

async fn granted(s: &Subject, claim: Claim) -> Result<Nonce, Failure> {
    let expected = match claim {
        Claim::Replacing => Expected::Anything,
        Claim::Shared | Claim::Exclusive => Expected::NoEntry,
    };
    Ok(lease(s, claim, expected)
        .await?
        .expect("the lease is granted"))
}

async fn fill(s: &Subject, token: Nonce, entry: &[u8]) -> Result<bool, Failure> {
    let filled = s.port().fill(KEY, token, entry, &[], Some(MINUTE)).await?;
    Ok(filled == Filled::Stored)
}

async fn slot(s: &Subject) -> Result<Option<Vec<u8>>, Failure> {
    Ok(s.port().read(KEY, Scopes::Named(&[])).await?.slot)
}

/// Stores an entry, and gives its identity.
async fn stored(s: &Subject) -> Result<Nonce, Failure> {
    let token = granted(s, Claim::Replacing).await?;
    let identity = Nonce::random();
    assert!(fill(s, token, &entry(identity, b"stored")).await?);
    Ok(identity)
}

pub(crate) async fn an_empty_slot_is_leased_to_whoever_asks(s: Subject) -> Outcome {
    for claim in [Claim::Shared, Claim::Exclusive, Claim::Replacing] {
        s.port().invalidate(&[], &[KEY.to_owned()]).await?;
        let (token, leased) = asked(&s, claim, Expected::NoEntry, MINUTE).await?;
        let Leased::Granted(lease) = leased else {
            panic!("{claim:?}: {leased:?}");
        };
        assert_eq!(lease.token, token, "{claim:?}");
        assert_eq!(lease.generations, []);
    }
    Ok(())
}

pub(crate) async fn a_lease_is_not_an_entry(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Shared).await?;
    let slot = slot(&s).await?.expect("the lease is in the slot");
    let head = SlotHead::parse(&slot).expect("it is larder's");
    assert_eq!(
        head,
        SlotHead {
            identity: None,
            token: Some(token)
        }
    );
    Ok(())
}

pub(crate) async fn loads_that_share_share_a_token(s: Subject) -> Outcome {
    let first = granted(&s, Claim::Shared).await?;
    assert_eq!(granted(&s, Claim::Shared).await?, first);
    assert_eq!(granted(&s, Claim::Shared).await?, first);
    Ok(())
}

pub(crate) async fn a_lock_waits_for_loads_that_share(s: Subject) -> Outcome {
    granted(&s, Claim::Shared).await?;
    assert!(matches!(
        asked(&s, Claim::Exclusive, Expected::NoEntry, MINUTE)
            .await?
            .1,
        Leased::Held
    ));
    Ok(())
}

pub(crate) async fn under_a_lock_nobody_gets_a_lease(s: Subject) -> Outcome {
    granted(&s, Claim::Exclusive).await?;
    assert!(matches!(
        asked(&s, Claim::Exclusive, Expected::NoEntry, MINUTE)
            .await?
            .1,
        Leased::Held
    ));
    assert!(matches!(
        asked(&s, Claim::Shared, Expected::NoEntry, MINUTE).await?.1,
        Leased::Held
    ));
    Ok(())
}

pub(crate) async fn a_set_takes_any_lease_over(s: Subject) -> Outcome {
    for claim in [Claim::Shared, Claim::Exclusive, Claim::Replacing] {
        s.port().invalidate(&[], &[KEY.to_owned()]).await?;
        let before = granted(&s, claim).await?;
        let after = granted(&s, Claim::Replacing).await?;
        assert_ne!(before, after);
        assert!(
            !fill(&s, before, &entry(Nonce::random(), b"old")).await?,
            "{claim:?}"
        );
        assert!(
            fill(&s, after, &entry(Nonce::random(), b"new")).await?,
            "{claim:?}"
        );
    }
    Ok(())
}

pub(crate) async fn a_lease_asked_for_twice_is_granted_twice(s: Subject) -> Outcome {
    // The first answer may have been lost on its way.
    let token = Nonce::token(Claim::Exclusive);
    for _ in 0..2 {
        let request = LeaseRequest {
            token,
            claim: Claim::Exclusive,
            expected: Expected::NoEntry,
            lasts: MINUTE,
            scopes: &[],
            ttl: None,
        };
        assert!(
            matches!(s.port().lease(KEY, request).await?, Leased::Granted(lease) if lease.token == token)
        );
    }
    Ok(())
}

pub(crate) async fn a_fill_under_its_lease_is_stored(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Shared).await?;
    let entry = entry(Nonce::random(), b"\0\xff\r\nbytes");
    assert!(fill(&s, token, &entry).await?);
    assert_eq!(
        slot(&s).await?,
        Some(entry),
        "to the byte, and without its lease"
    );
    Ok(())
}

pub(crate) async fn a_fill_without_a_lease_is_overtaken(s: Subject) -> Outcome {
    assert!(
        !fill(
            &s,
            Nonce::token(Claim::Shared),
            &entry(Nonce::random(), b"")
        )
        .await?
    );
    assert_eq!(slot(&s).await?, None);
    Ok(())
}

pub(crate) async fn of_two_fills_under_one_lease_the_first_is_stored(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Shared).await?;
    let first = entry(Nonce::random(), b"first");
    assert!(fill(&s, token, &first).await?);
    assert!(!fill(&s, token, &entry(Nonce::random(), b"second")).await?);
    assert_eq!(slot(&s).await?, Some(first));
    Ok(())
}

pub(crate) async fn of_many_fills_at_once_one_is_stored(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Shared).await?;
    let fills = (0..16_u8).map(|number| {
        let store = s.store().cloned();
        async move {
            let entry = entry(Nonce::random(), &[number]);
            let store = store.expect("the subject has a store");
            store
                .fill(KEY, token, &entry, &[], Some(MINUTE))
                .await
                .map(|filled| (filled, entry))
        }
    });
    let outcomes: Result<Vec<_>, _> = at_once(fills).await.into_iter().collect();
    let mut stored = outcomes?
        .into_iter()
        .filter(|(filled, _)| *filled == Filled::Stored);
    let (_, entry) = stored.next().expect("one is stored");
    assert!(stored.next().is_none(), "and no other");
    assert_eq!(slot(&s).await?, Some(entry));
    Ok(())
}

pub(crate) async fn a_removed_key_takes_its_lease_along(s: Subject) -> Outcome {
    for claim in [Claim::Shared, Claim::Exclusive, Claim::Replacing] {
        let token = granted(&s, claim).await?;
        s.port().invalidate(&[], &[KEY.to_owned()]).await?;
        assert_eq!(slot(&s).await?, None);
        assert!(
            !fill(&s, token, &entry(Nonce::random(), b"")).await?,
            "{claim:?}"
        );
        assert_eq!(slot(&s).await?, None);
    }
    Ok(())
}

pub(crate) async fn a_lease_given_back_is_free(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Exclusive).await?;
    s.port().release(KEY, token).await?;
    assert_eq!(slot(&s).await?, None);
    assert!(!fill(&s, token, &entry(Nonce::random(), b"")).await?);
    granted(&s, Claim::Exclusive).await?;
    Ok(())
}

pub(crate) async fn only_its_holder_gives_a_lease_back(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Exclusive).await?;
    s.port()
        .release(KEY, Nonce::token(Claim::Exclusive))
        .await?;
    s.port().release(":other", token).await?;
    assert!(
        lease(&s, Claim::Exclusive, Expected::NoEntry)
            .await?
            .is_none()
    );
    assert!(fill(&s, token, &entry(Nonce::random(), b"")).await?);
    Ok(())
}

pub(crate) async fn a_lease_lies_on_an_entry_and_leaves_it_readable(s: Subject) -> Outcome {
    let identity = stored(&s).await?;
    let before = slot(&s).await?.expect("it is stored");
    let token = lease(&s, Claim::Exclusive, Some(identity))
        .await?
        .expect("it is granted");
    let during = slot(&s).await?.expect("it is still there");
    let head = SlotHead::parse(&during).expect("it is larder's");
    assert_eq!(
        head,
        SlotHead {
            identity: Some(identity),
            token: Some(token)
        }
    );
    assert_eq!(during[slot::KIND..], before[slot::KIND..]);
    s.port().release(KEY, token).await?;
    assert_eq!(
        slot(&s).await?,
        Some(before),
        "given back, it leaves no trace"
    );
    Ok(())
}

pub(crate) async fn who_has_not_seen_the_entry_gets_no_lease(s: Subject) -> Outcome {
    stored(&s).await?;
    for claim in [Claim::Shared, Claim::Exclusive] {
        for seen in [Expected::NoEntry, Expected::Entry(Nonce::random())] {
            let leased = asked(&s, claim, seen, MINUTE).await?.1;
            assert!(matches!(leased, Leased::Changed), "{claim:?}: {leased:?}");
        }
    }
    Ok(())
}

pub(crate) async fn a_set_may_ask_for_an_empty_slot(s: Subject) -> Outcome {
    let token = lease(&s, Claim::Replacing, Expected::NoEntry)
        .await?
        .expect("it is empty");
    assert!(fill(&s, token, &entry(Nonce::random(), b"")).await?);
    let leased = asked(&s, Claim::Replacing, Expected::NoEntry, MINUTE)
        .await?
        .1;
    assert!(matches!(leased, Leased::Changed), "{leased:?}");
    Ok(())
}

pub(crate) async fn a_set_need_not_have_seen_the_entry(s: Subject) -> Outcome {
    stored(&s).await?;
    let token = granted(&s, Claim::Replacing).await?;
    let entry = entry(Nonce::random(), b"new");
    assert!(fill(&s, token, &entry).await?);
    assert_eq!(slot(&s).await?, Some(entry));
    Ok(())
}

pub(crate) async fn who_has_seen_an_entry_that_is_gone_gets_no_lease(s: Subject) -> Outcome {
    let identity = stored(&s).await?;
    s.port().invalidate(&[], &[KEY.to_owned()]).await?;
    let leased = asked(&s, Claim::Shared, Some(identity), MINUTE).await?.1;
    assert!(matches!(leased, Leased::Changed), "{leased:?}");
    assert_eq!(slot(&s).await?, None, "nothing has happened");
    Ok(())
}

pub(crate) async fn a_lease_ends_by_itself(s: Subject) -> Outcome {
    let (token, leased) = asked(
        &s,
        Claim::Exclusive,
        Expected::NoEntry,
        Duration::from_millis(50),
    )
    .await?;
    assert!(matches!(leased, Leased::Granted(_)));
    // The store's own time passes: asked until it has.
    while lease(&s, Claim::Exclusive, Expected::NoEntry)
        .await?
        .is_none()
    {
        yield_now().await;
    }
    assert!(!fill(&s, token, &entry(Nonce::random(), b"late")).await?);
    Ok(())
}

pub(crate) async fn a_renewed_lease_lasts_longer(s: Subject) -> Outcome {
    let short = Duration::from_secs(1);
    let (token, _) = asked(&s, Claim::Exclusive, Expected::NoEntry, short).await?;
    s.port().renew(KEY, token, MINUTE).await?;
    // One that is not renewed and began later shows that the time is over.
    let other = LeaseRequest {
        token: Nonce::token(Claim::Exclusive),
        claim: Claim::Exclusive,
        expected: Expected::NoEntry,
        lasts: short,
        scopes: &[],
        ttl: None,
    };
    s.port().lease(":other", other).await?;
    let again = || LeaseRequest {
        token: Nonce::token(Claim::Exclusive),
        ..other
    };
    while matches!(s.port().lease(":other", again()).await?, Leased::Held) {
        yield_now().await;
    }
    assert!(
        lease(&s, Claim::Exclusive, Expected::NoEntry)
            .await?
            .is_none(),
        "it is still held"
    );
    assert!(fill(&s, token, &entry(Nonce::random(), b"in time")).await?);
    Ok(())
}

pub(crate) async fn only_its_holder_renews_a_lease(s: Subject) -> Outcome {
    let (_, leased) = asked(
        &s,
        Claim::Exclusive,
        Expected::NoEntry,
        Duration::from_millis(50),
    )
    .await?;
    assert!(matches!(leased, Leased::Granted(_)));
    s.port()
        .renew(KEY, Nonce::token(Claim::Exclusive), MINUTE)
        .await?;
    while lease(&s, Claim::Exclusive, Expected::NoEntry)
        .await?
        .is_none()
    {
        yield_now().await;
    }
    s.port().invalidate(&[], &[KEY.to_owned()]).await?;
    s.port()
        .renew(KEY, Nonce::token(Claim::Shared), MINUTE)
        .await?;
    assert_eq!(slot(&s).await?, None, "and nobody makes one by renewing");
    Ok(())
}

pub(crate) async fn leases_of_two_keys_are_apart(s: Subject) -> Outcome {
    let token = granted(&s, Claim::Exclusive).await?;
    s.port().invalidate(&[], &[":other".to_owned()]).await?;
    let filled = s
        .port()
        .fill(":other", token, &entry(Nonce::random(), b""), &[], None)
        .await?;
    assert_eq!(filled, Filled::Overtaken);
    assert!(fill(&s, token, &entry(Nonce::random(), b"")).await?);
    Ok(())
}

/// Takes a lease that yields, and gives its token.
async fn yielding(s: &Subject) -> Result<Nonce, Failure> {
    let token = Nonce::yielding_token();
    let request = LeaseRequest {
        token,
        claim: Claim::Shared,
        expected: Expected::Anything,
        lasts: MINUTE,
        scopes: &[],
        ttl: Some(MINUTE),
    };
    let leased = s.port().lease(KEY, request).await?;
    assert!(matches!(leased, Leased::Granted(lease) if lease.token == token));
    Ok(token)
}

pub(crate) async fn loads_share_a_lease_that_yields(s: Subject) -> Outcome {
    let token = yielding(&s).await?;
    assert_eq!(granted(&s, Claim::Shared).await?, token);
    assert!(fill(&s, token, &entry(Nonce::random(), b"loaded")).await?);
    Ok(())
}

pub(crate) async fn a_lease_that_yields_keeps_nobody_from_a_lock(s: Subject) -> Outcome {
    let yielding = yielding(&s).await?;
    let locked = granted(&s, Claim::Exclusive).await?;
    assert_ne!(locked, yielding);
    assert!(!fill(&s, yielding, &entry(Nonce::random(), b"too late")).await?);
    assert!(fill(&s, locked, &entry(Nonce::random(), b"loaded")).await?);
    Ok(())
}
