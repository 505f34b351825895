//! Blobs that cannot compare, and blobs that never are what was seen. What a store over blobs does
//! otherwise is in the list of named checks.

use super::*;
use crate::store::{Advance, Claim, Expected, LeaseRequest, Nonce, Part, Patch, Scopes, Store};

/// Takes no put that compares, and remembers one blob.
#[derive(Debug, Default)]
struct Stubborn {
    copies_only: bool,
    slot: parking_lot::Mutex<Option<Vec<u8>>>,
}

#[async_trait]
impl Blobs for Stubborn {
    type Version = ();

    fn name(&self) -> &str {
        "stubborn"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            copies_only: self.copies_only,
            ..Capabilities::default()
        }
    }

    async fn get(&self, names: &[Name<'_>]) -> Result<Vec<Option<Blob<()>>>, StoreError> {
        assert!(!self.copies_only || matches!(names, [Name::Slot(_)]));
        let blob = self.slot.lock().clone().map(|bytes| Blob {
            bytes,
            version: (),
            left: None,
        });
        Ok(vec![blob; names.len()])
    }

    async fn put(
        &self,
        _name: Name<'_>,
        bytes: &[u8],
        when: When<()>,
        _ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        if when != When::Anything {
            return Ok(false);
        }
        *self.slot.lock() = Some(bytes.to_vec());
        Ok(true)
    }

    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        assert!(matches!(names, [Name::Slot(_)]));
        *self.slot.lock() = None;
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn request(scopes: &[String]) -> LeaseRequest<'_> {
    LeaseRequest {
        token: Nonce::token(Claim::Shared),
        claim: Claim::Shared,
        expected: Expected::Anything,
        lasts: Duration::from_secs(1),
        scopes,
        ttl: None,
    }
}

#[tokio::test]
async fn who_is_overtaken_without_end_is_refused() {
    let store = Stubborn::default();
    let refused = store.lease(":key", request(&[])).await;
    assert!(
        matches!(&refused, Err(StoreError::Refused { store, .. }) if store == "stubborn"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_cannot_compare_keeps_copies_and_no_generations() {
    let store = Stubborn {
        copies_only: true,
        ..Stubborn::default()
    };
    let key = [":key".to_owned()];
    let scopes = ["tag:a".to_owned(), "all".to_owned()];
    assert!(!Store::capabilities(&store).increment);

    store.copy(&key[0], b"copy", None).await.expect("it is put");
    let reading = store.read(&key[0], Scopes::Named(&scopes)).await;
    let reading = reading.expect("it is read");
    assert_eq!(reading.slot.as_deref(), Some(&b"copy"[..]));
    assert_eq!(reading.generations, [None, None]);
    assert_eq!(
        store.generations(&scopes).await.ok(),
        Some(vec![None, None])
    );
    let slots = store.slots(&key, Part::Whole).await.ok();
    assert_eq!(slots, Some(vec![Some(b"copy".to_vec())]));
    store
        .invalidate(&scopes, &key)
        .await
        .expect("it is deleted");
    assert_eq!(store.slots(&key, Part::Whole).await.ok(), Some(vec![None]));
}

#[tokio::test]
async fn what_cannot_compare_says_so() {
    let store = Stubborn {
        copies_only: true,
        ..Stubborn::default()
    };
    let (key, nonce) = (":key", Nonce([1; 16]));
    let step = Advance {
        scope: "tag:a".to_owned(),
        from: None,
        to: nonce,
    };
    let patch = Patch {
        identity: nonce,
        bytes: &[],
        scopes: &[],
        ttl: None,
    };
    let entries = [(key.to_owned(), nonce)];
    for outcome in [
        store.lease(key, request(&[])).await.map(drop),
        store.renew(key, nonce, Duration::from_secs(1)).await,
        store.release(key, nonce).await,
        store.fill(key, nonce, b"", &[], None).await.map(drop),
        store.advance(&[step], None).await.map(drop),
        store.take(key).await.map(drop),
        store.remove(&entries).await.map(drop),
        store.patch(key, patch).await.map(drop),
        store
            .scan(Family::Slots, &"*".into(), None, 1)
            .await
            .map(drop),
    ] {
        assert!(
            matches!(outcome, Err(StoreError::Unsupported { .. })),
            "{outcome:?}"
        );
    }
}
