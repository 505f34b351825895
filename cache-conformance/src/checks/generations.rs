//! Generations at the port: what decides whether an entry is still valid.

use std::collections::HashSet;
use std::time::Duration;

use larder_core::store::{Advance, Claim, Expected, LeaseRequest, Leased, Nonce, Scopes};

use crate::operation::at_once;
use crate::{Failure, Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// Begins the generations that are missing, and gives all: a lease on a key of its own does it.
async fn begin(s: &Subject, scopes: &[String]) -> Result<Vec<Option<Nonce>>, Failure> {
    let request = LeaseRequest {
        token: Nonce::token(Claim::Replacing),
        claim: Claim::Replacing,
        expected: Expected::Anything,
        lasts: MINUTE,
        scopes,
        ttl: Some(MINUTE),
    };
    match s.port().lease(":key", request).await? {
        Leased::Granted(lease) => Ok(lease.generations),
        leased => panic!("a set always gets a lease, not {leased:?}"),
    }
}

pub(crate) async fn a_generation_is_missing_until_a_load_begins_it(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "ns:b", "all"]);
    assert_eq!(s.port().generations(&scopes).await?, [None; 3]);
    let begun = begin(&s, &scopes).await?;
    assert!(begun.iter().all(Option::is_some));
    assert_eq!(s.port().generations(&scopes).await?, begun);
    Ok(())
}

pub(crate) async fn reading_begins_no_generation(s: Subject) -> Outcome {
    let scopes = names(["tag:a"]);
    s.port().read(":key", Scopes::Named(&scopes)).await?;
    s.port().generations(&scopes).await?;
    assert_eq!(s.port().generations(&scopes).await?, [None]);
    Ok(())
}

pub(crate) async fn a_generation_stays_until_it_is_ended(s: Subject) -> Outcome {
    let scopes = names(["tag:a"]);
    let begun = begin(&s, &scopes).await?;
    for _ in 0..10 {
        assert_eq!(begin(&s, &scopes).await?, begun);
    }
    Ok(())
}

pub(crate) async fn generations_come_in_the_order_asked(s: Subject) -> Outcome {
    let begun = begin(&s, &names(["tag:a", "tag:b", "tag:c"])).await?;
    let found = s
        .port()
        .generations(&names(["tag:c", "tag:x", "tag:a", "tag:c"]))
        .await?;
    assert_eq!(found, [begun[2], None, begun[0], begun[2]]);
    Ok(())
}

pub(crate) async fn no_generations_are_no_generations(s: Subject) -> Outcome {
    assert_eq!(s.port().generations(&[]).await?, []);
    assert_eq!(begin(&s, &[]).await?, []);
    s.port().invalidate(&[], &[]).await?;
    Ok(())
}

pub(crate) async fn each_scope_has_its_own_generation(s: Subject) -> Outcome {
    let scopes: Vec<String> = (0..100).map(|number| format!("tag:{number}")).collect();
    let begun: HashSet<_> = begin(&s, &scopes).await?.into_iter().flatten().collect();
    assert_eq!(begun.len(), 100);
    Ok(())
}

pub(crate) async fn an_ended_generation_is_missing(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b"]);
    let begun = begin(&s, &scopes).await?;
    s.port().invalidate(&scopes[..1], &[]).await?;
    assert_eq!(s.port().generations(&scopes).await?, [None, begun[1]]);
    Ok(())
}

pub(crate) async fn a_generation_never_comes_back(s: Subject) -> Outcome {
    let scopes = names(["tag:a"]);
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let begun = begin(&s, &scopes).await?[0].expect("it has begun");
        assert!(seen.insert(begun), "{begun:?} was used before");
        s.port().invalidate(&scopes, &[]).await?;
    }
    Ok(())
}

pub(crate) async fn ending_a_generation_twice_ends_it(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:a", "tag:never"]);
    begin(&s, &scopes[..1]).await?;
    s.port().invalidate(&scopes, &[]).await?;
    s.port().invalidate(&scopes, &[]).await?;
    assert_eq!(s.port().generations(&scopes).await?, [None; 3]);
    Ok(())
}

pub(crate) async fn a_thousand_generations_end_at_once(s: Subject) -> Outcome {
    let scopes: Vec<String> = (0..1_000).map(|number| format!("tag:{number}")).collect();
    let keys: Vec<String> = (0..1_000).map(|number| format!(":{number}")).collect();
    begin(&s, &scopes).await?;
    s.port().invalidate(&scopes, &keys).await?;
    assert_eq!(s.port().generations(&scopes).await?, vec![None; 1_000]);
    Ok(())
}

fn step(scope: &str, from: Option<Nonce>) -> Advance {
    Advance {
        scope: scope.to_owned(),
        from,
        to: Nonce::random(),
    }
}

pub(crate) async fn a_step_ends_one_generation_and_begins_the_next(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b", "tag:c"]);
    let begun = begin(&s, &scopes).await?;
    let steps = [step("tag:c", begun[2]), step("tag:a", begun[0])];
    let answers = s.port().advance(&steps, Some(MINUTE)).await?;
    assert_eq!(answers, [Some(steps[0].to), Some(steps[1].to)]);
    let current = s.port().generations(&scopes).await?;
    assert_eq!(current, [Some(steps[1].to), begun[1], Some(steps[0].to)]);
    assert_eq!(s.port().advance(&[], Some(MINUTE)).await?, []);
    Ok(())
}

pub(crate) async fn a_step_is_taken_only_from_the_generation_that_was_seen(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b"]);
    let begun = begin(&s, &scopes[..1]).await?;
    let steps = [
        step("tag:a", Some(Nonce::random())),
        step("tag:b", begun[0]),
    ];
    let answers = s.port().advance(&steps, Some(MINUTE)).await?;
    assert_eq!(answers, [begun[0], None]);
    assert_eq!(s.port().generations(&scopes).await?, answers);
    Ok(())
}

pub(crate) async fn a_missing_generation_is_begun_by_a_step(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b"]);
    let begun = begin(&s, &scopes[..1]).await?;
    let steps = [step("tag:a", None), step("tag:b", None)];
    let answers = s.port().advance(&steps, None).await?;
    assert_eq!(answers, [begun[0], Some(steps[1].to)]);
    assert_eq!(s.port().generations(&scopes).await?, answers);
    Ok(())
}

pub(crate) async fn a_step_asked_for_twice_is_taken(s: Subject) -> Outcome {
    let begun = begin(&s, &names(["tag:a"])).await?;
    let steps = [step("tag:a", begun[0])];
    for _ in 0..2 {
        let answers = s.port().advance(&steps, Some(MINUTE)).await?;
        assert_eq!(answers, [Some(steps[0].to)]);
    }
    Ok(())
}

pub(crate) async fn of_steps_at_once_one_is_taken(s: Subject) -> Outcome {
    let begun = begin(&s, &names(["tag:a"])).await?;
    let steps = (0..16).map(|_| {
        let (store, step) = (s.store().cloned(), step("tag:a", begun[0]));
        async move {
            let store = store.expect("the subject has a store");
            let answers = store
                .advance(std::slice::from_ref(&step), Some(MINUTE))
                .await;
            answers.map(|answers| (answers == [Some(step.to)], answers))
        }
    });
    let answers: Result<Vec<_>, _> = at_once(steps).await.into_iter().collect();
    let answers = answers?;
    let taken = answers.iter().filter(|(is_taken, _)| *is_taken).count();
    assert_eq!(taken, 1, "{answers:?}");
    let current: HashSet<_> = answers.iter().map(|(_, current)| current).collect();
    assert_eq!(current.len(), 1, "everyone is told of the same generation");
    Ok(())
}

pub(crate) async fn who_begins_at_once_begins_the_same(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b"]);
    let loads = (0..16).map(|number| {
        let (store, scopes) = (s.store().cloned(), scopes.clone());
        async move {
            let request = LeaseRequest {
                token: Nonce::token(Claim::Shared),
                claim: Claim::Shared,
                expected: Expected::NoEntry,
                lasts: MINUTE,
                scopes: &scopes,
                ttl: Some(MINUTE),
            };
            let store = store.expect("the subject has a store");
            store.lease(&format!(":key:{number}"), request).await
        }
    });
    let leases: Result<HashSet<_>, _> = at_once(loads)
        .await
        .into_iter()
        .map(|leased| {
            leased.map(|leased| match leased {
                Leased::Granted(lease) => lease.generations,
                other => panic!("an empty slot is leased, not {other:?}"),
            })
        })
        .collect();
    assert_eq!(leases?.len(), 1);
    Ok(())
}

pub(crate) async fn a_scope_and_a_key_of_one_name_are_apart(s: Subject) -> Outcome {
    for name in ["all", "tag:a", ":a", "#all", ":#all", "ns:"] {
        let scopes = names([name]);
        let begun = begin(&s, &scopes).await?;
        s.port().invalidate(&[], &scopes).await?;
        assert_eq!(s.port().generations(&scopes).await?, begun, "{name}");
        assert_eq!(
            s.port().read(name, Scopes::Named(&[])).await?.slot,
            None,
            "{name}"
        );
    }
    Ok(())
}

pub(crate) async fn a_read_brings_generations_with_the_slot(s: Subject) -> Outcome {
    let scopes = names(["tag:a", "tag:b"]);
    let begun = begin(&s, &scopes).await?;
    s.port().invalidate(&scopes[1..], &[]).await?;
    let reading = s.port().read(":never", Scopes::Named(&scopes)).await?;
    assert_eq!(reading.slot, None);
    assert_eq!(reading.generations, [begun[0], None]);
    let reading = s.port().read(":key", Scopes::Named(&scopes)).await?;
    assert!(reading.slot.is_some(), "the lease");
    assert_eq!(reading.generations, [begun[0], None]);
    Ok(())
}

pub(crate) async fn a_read_brings_the_generations_that_an_entry_lists(s: Subject) -> Outcome {
    // Through the cache, whose entries list their scopes. A store that does not look into entries
    // answers with none, and is asked again.
    s.cache.set("key", &1_u8).tags(["a", "b"]).await?;
    let scopes = names(["all", "tag:a", "tag:b"]);
    let current = s.port().generations(&scopes).await?;
    assert!(current.iter().all(Option::is_some));
    let reading = s.port().read(":key", Scopes::Stored).await?;
    assert!(reading.slot.is_some());
    assert!(reading.generations.is_empty() || reading.generations == current);
    s.port().invalidate(&scopes[1..2], &[]).await?;
    let reading = s.port().read(":key", Scopes::Stored).await?;
    assert!(
        reading.generations.is_empty() || reading.generations == [current[0], None, current[2]]
    );
    let reading = s.port().read(":never", Scopes::Stored).await?;
    assert!(reading.slot.is_none() && reading.generations.is_empty());
    Ok(())
}

pub(crate) async fn a_missing_generation_makes_its_entries_invalid(s: Subject) -> Outcome {
    // As when a store forgets one.
    for scope in ["all", "ns:space", "tag:a"] {
        s.cache
            .set("key", &1_u8)
            .tags(["a"])
            .namespace("space")
            .await?;
        let key = larder_core::Key::new("key").in_namespace("space");
        assert!(s.other.exists(&key).await?);
        s.port().invalidate(&names([scope]), &[]).await?;
        assert!(!s.cache.exists(&key).await?, "{scope}");
        assert!(!s.other.exists(&key).await?, "{scope}");
    }
    Ok(())
}
