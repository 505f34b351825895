//! What happens to one generation in one step. Its blob is the sixteen bytes and nothing else; what
//! has another length is nothing of ours, and counts as missing.

use std::time::Duration;

use super::step::{Change, Seen, Step};
use crate::store::{Advance, Nonce};

/// How much longer than twice an entry's ttl a generation is kept, so that it is not put again at
/// every fill.
const MARGIN: Duration = Duration::from_secs(3_600);

/// The generation in a blob.
pub(super) fn current(bytes: &[u8]) -> Option<Nonce> {
    bytes.try_into().ok().map(Nonce)
}

/// Begins a generation that is missing.
pub(super) fn begin(seen: Seen<'_>, ttl: Option<Duration>) -> Step<Nonce> {
    match current(seen.bytes) {
        Some(generation) => Step::Leave(generation),
        None => {
            let generation = Nonce::random();
            Step::Put(kept(generation, ttl), generation)
        }
    }
}

/// Lets a generation outlive an entry, if it would not. One that has ended is not brought back.
pub(super) fn keep(seen: Seen<'_>, ttl: Option<Duration>) -> Step<()> {
    let ends_first = seen
        .left
        .is_some_and(|left| ttl.is_none_or(|ttl| left < ttl));
    match current(seen.bytes) {
        Some(generation) if ends_first => Step::Put(kept(generation, ttl), ()),
        _ => Step::Leave(()),
    }
}

/// Goes from one generation to the next, and gives the one that is there then.
pub(super) fn advance(
    seen: Seen<'_>,
    step: &Advance,
    ttl: Option<Duration>,
) -> Step<Option<Nonce>> {
    let current = current(seen.bytes);
    if current == step.from {
        Step::Put(kept(step.to, ttl), Some(step.to))
    } else {
        Step::Leave(current)
    }
}

fn kept(generation: Nonce, ttl: Option<Duration>) -> Change {
    Change {
        bytes: generation.0.to_vec(),
        ttl: ttl.map(|ttl| ttl.saturating_mul(2).saturating_add(MARGIN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const FORGOTTEN: Seen<'_> = Seen {
        bytes: &[],
        left: None,
    };

    fn seen(bytes: &[u8], left: Option<Duration>) -> Seen<'_> {
        Seen { bytes, left }
    }

    #[test]
    fn what_is_no_generation_is_begun_anew() {
        for bytes in [&[][..], &[7; 15], &[7; 17], &[7; 1_000]] {
            let Step::Put(change, generation) = begin(seen(bytes, None), Some(MINUTE)) else {
                panic!("{} bytes are no generation", bytes.len());
            };
            assert_eq!(change.bytes, generation.0);
            assert_eq!(change.ttl, Some(2 * MINUTE + MARGIN));
        }
        let begun = begin(seen(&[7; 16], None), Some(MINUTE));
        assert_eq!(begun, Step::Leave(Nonce([7; 16])));
    }

    #[test]
    fn a_generation_is_put_again_only_when_it_would_end_before_its_entries() {
        let kept = |left, ttl| match keep(seen(&[7; 16], left), ttl) {
            Step::Leave(()) => None,
            Step::Put(change, ()) => {
                assert_eq!(change.bytes, [7; 16], "it stays the same one");
                Some(change.ttl)
            }
        };
        assert_eq!(kept(Some(MINUTE), Some(MINUTE)), None);
        assert_eq!(kept(None, Some(MINUTE)), None);
        assert_eq!(kept(None, None), None);
        assert_eq!(kept(Some(MINUTE), None), Some(None));
        assert_eq!(
            kept(Some(MINUTE / 2), Some(MINUTE)),
            Some(Some(2 * MINUTE + MARGIN))
        );
        assert_eq!(keep(FORGOTTEN, Some(MINUTE)), Step::Leave(()));
    }

    #[test]
    fn a_step_is_taken_from_the_generation_that_it_names() {
        let (from, to) = (Nonce([1; 16]), Nonce([2; 16]));
        let step = |from| Advance {
            scope: "tag:a".to_owned(),
            from,
            to,
        };
        let taken = |bytes: &[u8], from| match advance(seen(bytes, None), &step(from), None) {
            Step::Leave(current) => Err(current),
            Step::Put(change, current) => {
                assert_eq!((change.bytes, current), (to.0.to_vec(), Some(to)));
                Ok(())
            }
        };
        assert_eq!(taken(&from.0, Some(from)), Ok(()));
        assert_eq!(taken(&[], None), Ok(()));
        assert_eq!(taken(&[3; 5], None), Ok(()));
        assert_eq!(taken(&[], Some(from)), Err(None));
        assert_eq!(taken(&from.0, None), Err(Some(from)));
        assert_eq!(taken(&to.0, Some(from)), Err(Some(to)), "asked again");
    }
}
