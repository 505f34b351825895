//! Reading, deciding, and putting unless something else turned up.

use futures_util::future::try_join_all;

use super::slot_step::Slot;
use super::step::{Change, Seen, Step};
use super::{Blob, Blobs, Name, When};
use crate::error::StoreError;

/// How often a blob may turn out to be another one than was seen. At each turn somebody's put went
/// through, so this many others would have to come first.
const MOST_TURNS: usize = 1_000;

/// How many puts are under way at once.
const AT_ONCE: usize = 16;

/// Does a step to one slot, and gives its answer.
pub(super) async fn change_slot<B: Blobs + ?Sized, T: Send>(
    blobs: &B,
    key: &str,
    decide: impl Fn(Slot<'_>) -> Step<T> + Send + Sync,
) -> Result<T, StoreError> {
    let answers = change(blobs, &[Name::Slot(key)], |_, seen| decide(Slot::new(seen))).await?;
    let answer = answers.into_iter().next();
    answer.ok_or_else(|| miscounted(blobs))
}

/// Does a step to each of these blobs, and gives their answers. All are read at once; those that were
/// changed by someone else in between are read again.
pub(super) async fn change<B: Blobs + ?Sized, T: Send>(
    blobs: &B,
    names: &[Name<'_>],
    decide: impl Fn(usize, Seen<'_>) -> Step<T> + Send + Sync,
) -> Result<Vec<T>, StoreError> {
    let mut answers: Vec<Option<T>> = names.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..names.len()).collect();
    for _ in 0..MOST_TURNS {
        if open.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let wanted: Vec<Name<'_>> = open.iter().map(|&at| names[at]).collect();
        let found = blobs.get(&wanted).await?;
        if found.len() != wanted.len() {
            return Err(miscounted(blobs));
        }
        let mut puts = Vec::new();
        for (&at, blob) in open.iter().zip(found) {
            match decide(at, seen(blob.as_ref())) {
                Step::Leave(answer) => answers[at] = Some(answer),
                Step::Put(change, answer) => {
                    let when = blob.map_or(When::Absent, |blob| When::Is(blob.version));
                    puts.push((at, answer, change, when));
                }
            }
        }
        open.clear();
        let mut puts = puts.into_iter();
        loop {
            let some = puts.by_ref().take(AT_ONCE);
            let some: Vec<_> = some
                .map(|(at, answer, change, when)| put(blobs, names[at], at, answer, change, when))
                .collect();
            if some.is_empty() {
                break;
            }
            for (at, answer) in try_join_all(some).await? {
                match answer {
                    Some(answer) => answers[at] = Some(answer),
                    None => open.push(at),
                }
            }
        }
    }
    Err(StoreError::Refused {
        store: blobs.name().to_owned(),
        reason: format!("others changed the same key {MOST_TURNS} times in between"),
    })
}

/// The answer, if the put went through.
async fn put<B: Blobs + ?Sized, T>(
    blobs: &B,
    name: Name<'_>,
    at: usize,
    answer: T,
    change: Change,
    when: When<B::Version>,
) -> Result<(usize, Option<T>), StoreError> {
    let is_put = blobs.put(name, &change.bytes, when, change.ttl).await?;
    Ok((at, is_put.then_some(answer)))
}

fn miscounted<B: Blobs + ?Sized>(blobs: &B) -> StoreError {
    StoreError::Refused {
        store: blobs.name().to_owned(),
        reason: "it gave another number of blobs than it was asked for".to_owned(),
    }
}

fn seen<V>(blob: Option<&Blob<V>>) -> Seen<'_> {
    Seen {
        bytes: blob.map(|blob| blob.bytes.as_slice()).unwrap_or_default(),
        left: blob.and_then(|blob| blob.left),
    }
}
