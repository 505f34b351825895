//! Whether the checker sees what it is for.

use std::time::Duration;

use crate::checker::{Account, Silence, WINDOW, check};
use crate::record::{Moment, Record, Version};

pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "the_checker_sees_a_stale_read_of_another_process",
        another_process,
    ),
    ("the_checker_sees_a_stale_read_of_the_writer", the_writer),
    (
        "the_checker_lets_a_process_be_late_that_could_not_hear",
        a_silence,
    ),
    (
        "the_checker_counts_what_was_queued_when_it_is_settled",
        what_was_queued,
    ),
];

/// A time after the invalidation.
const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(501);

fn moment() -> Moment {
    Moment(1_000_000)
}

fn write(is_done: bool) -> Record {
    Record::Write {
        number: 0,
        items: vec![(7, 2)],
        returned: moment(),
        is_done,
    }
}

fn read(version: Version, after: Duration) -> Record {
    Record::Read {
        began: moment().after(after),
        item: 7,
        version,
    }
}

/// Whether it is in order that one process writes and another one reads.
fn is_fine(
    writer: Vec<Record>,
    reader: Vec<Record>,
    silences: &[Silence],
    window: Option<Duration>,
) -> bool {
    let accounts = [writer, reader].into_iter().enumerate();
    let accounts = accounts.map(|(place, records)| Account { place, records });
    let accounts: Vec<Account> = accounts.collect();
    check(&accounts, silences, window).is_ok()
}

fn another_process() {
    let heard = |read| is_fine(vec![write(true)], vec![read], &[], Some(WINDOW));
    assert!(heard(read(1, SOON)));
    assert!(!heard(read(1, LATE)));
    assert!(heard(read(2, LATE)));
    let asked = |read| is_fine(vec![write(true)], vec![read], &[], None);
    assert!(asked(read(1, Duration::ZERO)), "it began no later");
    assert!(!asked(read(1, SOON)));
    assert!(asked(read(2, SOON)));
}

fn the_writer() {
    for is_done in [true, false] {
        let fine = |version| {
            let records = vec![write(is_done), read(version, SOON)];
            is_fine(records, Vec::new(), &[], Some(WINDOW))
        };
        assert!(!fine(1));
        assert!(fine(2));
    }
}

fn a_silence() {
    let silence = |place| Silence {
        from: moment().after(SOON),
        to: moment().after(LATE),
        place,
    };
    let fine = |read, place| {
        is_fine(
            vec![write(true)],
            vec![read],
            &[silence(place)],
            Some(WINDOW),
        )
    };
    for place in [None, Some(1)] {
        assert!(fine(read(1, LATE), place));
        assert!(!fine(read(1, LATE + LATE), place));
    }
    assert!(!fine(read(1, LATE), Some(0)), "it was another's");
    let stalled = Record::Stalled {
        from: moment().after(SOON),
        to: moment().after(LATE),
    };
    let fine = |read| {
        is_fine(
            vec![write(true)],
            vec![stalled.clone(), read],
            &[],
            Some(WINDOW),
        )
    };
    assert!(fine(read(1, LATE)));
    assert!(!fine(read(1, LATE + LATE)));
}

fn what_was_queued() {
    let settled = Record::Settled {
        number: 0,
        at: moment().after(LATE),
    };
    let fine = |records: &[Record], read| is_fine(records.to_vec(), vec![read], &[], None);
    assert!(fine(&[write(false)], read(1, LATE + SOON)));
    assert!(fine(&[write(false), settled.clone()], read(1, LATE)));
    assert!(!fine(&[write(false), settled], read(1, LATE + SOON)));
}
