use super::super::door::Door;
use super::*;
use crate::layer::Reach::{self, Host, Process, Shared};
use crate::store::Steps::{self, Native, Swapped, SwappedSlowly};

/// The layer that is the authority of tiers that reach so far and make their steps so; `None` for those
/// that can only keep copies.
fn authority_of(kinds: &[(Reach, Option<Steps>)]) -> Result<LayerName, StackError> {
    let tiers = kinds.iter().zip(LayerName::ALL);
    let tiers = tiers.map(|((reach, steps), layer)| {
        let capabilities = Capabilities {
            copies_only: steps.is_none(),
            steps: steps.unwrap_or_default(),
            ..Capabilities::default()
        };
        Tier::new(layer, *reach, Door::with(capabilities))
    });
    let stack = Stack::new(tiers.collect(), Clock::default())?;
    Ok(stack.authority_layer())
}

#[test]
fn the_authority_is_the_widest_then_the_best_then_the_last() {
    use LayerName::{L1, L2, L3};
    for (kinds, authority) in [
        (&[(Process, Some(Native))][..], L1),
        (&[(Host, Some(Native)), (Process, Some(Native))], L1),
        (&[(Host, Some(Native)), (Shared, Some(SwappedSlowly))], L2),
        (&[(Shared, Some(Native)), (Shared, Some(Native))], L2),
        (&[(Shared, Some(Native)), (Shared, Some(Swapped))], L1),
        (
            &[(Shared, Some(Swapped)), (Shared, Some(SwappedSlowly))],
            L1,
        ),
        (
            &[
                (Shared, Some(Swapped)),
                (Shared, Some(Native)),
                (Shared, Some(Native)),
                (Shared, None),
            ],
            L3,
        ),
        (&[(Process, Some(SwappedSlowly)), (Shared, None)], L1),
    ] {
        assert_eq!(authority_of(kinds), Ok(authority), "{kinds:?}");
    }
}

#[test]
fn tiers_with_copies_alone_are_no_stack() {
    let error = authority_of(&[(Host, None), (Shared, None)]).expect_err("there is no authority");
    assert_eq!(
        error.to_string(),
        "none of the layers `l1`, `l2` can keep generations and leases: \
         add one that is a server, a bucket or files of one's own"
    );
    assert_eq!(authority_of(&[]), Err(StackError::NoTier));
}

#[test]
fn a_stack_is_called_by_its_tiers() {
    let tier =
        |layer| Tier::new(layer, Shared, Door::open()).time_budget(Duration::from_millis(20));
    let tiers = vec![tier(LayerName::L2), tier(LayerName::L3)];
    let stack = Stack::new(tiers, Clock::default()).expect("there is an authority");
    assert_eq!(stack.name(), "l2 door + l3 door");
    assert_eq!(stack.time_budget(), Duration::from_millis(60));
    let layers: Vec<_> = stack.tiers().iter().map(|tier| tier.layer).collect();
    assert_eq!(layers, [Some(LayerName::L2), Some(LayerName::L3)]);
}
