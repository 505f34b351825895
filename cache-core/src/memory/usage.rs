//! Which entries are in use: what moka must know to evict the right ones.
//!
//! Telling it at the hit would cost ten hits, and now and then an allocation. It needs to know only
//! when it decides, and that is when something is stored; so hits leave a note, and whoever stores
//! next hands the notes over.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use arrayvec::ArrayVec;
use parking_lot::Mutex;

use super::entry::{AnyResident, Resident};

/// One hit in this many of each thread leaves a note: enough to tell the entries apart.
const SAMPLE: u32 = 16;

const STRIPES: usize = 8;
const NOTES: usize = 32;

pub(super) struct Usage {
    stripes: Box<[Stripe]>,
}

/// In a cache line of its own. Weak, so that a note keeps no value alive.
#[derive(Default)]
#[repr(align(64))]
struct Stripe(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    entries: ArrayVec<Weak<Resident>, NOTES>,
    /// Where the next note goes once there is no free place: the oldest is the least telling.
    oldest: usize,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self {
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
        }
    }

    /// Notes a hit, if it is one of the sample.
    #[inline]
    pub(super) fn hit(&self, entry: &AnyResident) {
        thread_local! {
            static HITS: Cell<u32> = const { Cell::new(0) };
        }
        let hits = HITS.with(|hits| {
            hits.set(hits.get().wrapping_add(1));
            hits.get()
        });
        if hits.is_multiple_of(SAMPLE) {
            self.note(entry, (hits / SAMPLE) as usize);
        }
    }

    fn note(&self, entry: &AnyResident, number: usize) {
        // If someone else is writing here, this hit is not noted: it is a sample.
        let Some(mut notes) = self.stripes[number % STRIPES].0.try_lock() else {
            return;
        };
        let note = Arc::downgrade(entry);
        let Notes { entries, oldest } = &mut *notes;
        if let Err(full) = entries.try_push(note) {
            let replaced = std::mem::replace(&mut entries[*oldest], full.element());
            *oldest = (*oldest + 1) % NOTES;
            drop(notes);
            drop(replaced);
        }
    }

    /// Takes the notes.
    pub(super) fn take(&self) -> impl Iterator<Item = AnyResident> {
        self.stripes.iter().flat_map(|stripe| {
            let notes = std::mem::take(&mut *stripe.0.lock());
            notes.entries.into_iter().filter_map(|note| note.upgrade())
        })
    }
}
