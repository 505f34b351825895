//! Whether a history kept the promise: who begins to read after an invalidation has returned reads
//! nothing from before it.
//!
//! In the process that invalidated this holds at once, and in the others when the tiers have taken it.
//! Where changes are told, the others may be late by a [`WINDOW`]; and by as long as they could not be
//! told without knowing it.

use std::collections::HashMap;
use std::time::Duration;

use crate::record::{Counts, Item, Moment, Record, Version};

/// How late a change may be heard of by a process that runs and is connected.
pub(crate) const WINDOW: Duration = Duration::from_millis(500);

/// How long a connection may carry nothing before a process notices: what `cache-redis` promises.
pub(crate) const UNNOTICED: Duration = Duration::from_millis(1_500);

/// A time in which changes were on their way to a process, and may not have come there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silence {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// Whose; `None`: everyone's.
    pub(crate) place: Option<usize>,
}

/// What one process wrote down.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Where it ran: several processes may have, one after the other.
    pub(crate) place: usize,
    pub(crate) records: Vec<Record>,
}

/// What was found in a history that kept the promise.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    pub(crate) queued: usize,
    pub(crate) settled: usize,
    /// Reads before which another process had invalidated the item not long ago.
    pub(crate) told: usize,
    /// Reads of what another process had invalidated already.
    pub(crate) late: usize,
    /// How long before the latest of them the invalidation had returned, but for those in a silence; and
    /// with them.
    pub(crate) latest: Duration,
    pub(crate) latest_in_silence: Duration,
    pub(crate) counts: Counts,
}

/// An invalidation that holds for other processes.
struct Change {
    by: usize,
    item: Item,
    version: Version,
    returned: Moment,
}

/// Goes through what all processes wrote down. `window`: how late the others may be, if at all.
///
/// # Errors
/// The reads that broke the promise.
pub(crate) fn check(
    accounts: &[Account],
    silences: &[Silence],
    window: Option<Duration>,
) -> Result<Findings, String> {
    let mut findings = Findings::default();
    let changes: Vec<Change> = accounts
        .iter()
        .enumerate()
        .flat_map(|(by, account)| changes(by, &account.records))
        .collect();
    let mut broken = Vec::new();
    for (process, account) in accounts.iter().enumerate() {
        let silences = silences_of(account, silences);
        let own = Due::new(own_changes(&account.records));
        let others = || changes.iter().filter(|change| change.by != process);
        let returned = Due::new(others().map(|change| (change.returned, change)).map(due));
        let heard = Due::new(others().map(|change| {
            let heard = match window {
                None => change.returned,
                Some(window) => heard(change.returned, window, &silences),
            };
            due((heard, change))
        }));
        let mut counts = Counts::default();
        for record in &account.records {
            match record {
                Record::Read {
                    began,
                    item,
                    version,
                } => {
                    findings.reads += 1;
                    let demands = [("its own", &own), ("another's", &heard)];
                    let is_broken = demands.iter().any(|(whose, demands)| {
                        let demanded = demands.by(*item, *began);
                        let demanded = demanded.filter(|(_, least)| least > version);
                        broken.extend(demanded.map(|(due, least)| {
                            format!(
                                "process {process} at place {} read version {version} of item {item} at {}, \
                                 {:?} after {whose} version {least} was due",
                                account.place,
                                began.0,
                                began.since(due),
                            )
                        }));
                        demanded.is_some()
                    });
                    if is_broken {
                        continue;
                    }
                    let recent = returned.by(*item, *began);
                    findings.told += usize::from(
                        recent.is_some_and(|(returned, _)| began.since(returned) < 2 * UNNOTICED),
                    );
                    if let Some(late) = returned.longest_missed(*item, *began, *version) {
                        findings.late += 1;
                        let is_in_silence = silences.iter().any(|silence| {
                            silence.from <= *began && *began <= silence.to.after(WINDOW)
                        });
                        let latest = if is_in_silence {
                            &mut findings.latest_in_silence
                        } else {
                            &mut findings.latest
                        };
                        *latest = late.max(*latest);
                    }
                }
                Record::Write { is_done, .. } => {
                    findings.writes += 1;
                    findings.queued += usize::from(!is_done);
                }
                Record::Settled { .. } => findings.settled += 1,
                Record::Counts(newest) => counts = *newest,
                Record::Stalled { .. } => {}
            }
        }
        findings.counts = findings.counts + counts;
    }
    if broken.is_empty() {
        return Ok(findings);
    }
    let count = broken.len();
    broken.truncate(20);
    Err(format!("{count} stale reads:\n{}", broken.join("\n")))
}

/// What the process invalidated, and when that had returned.
fn own_changes(records: &[Record]) -> impl Iterator<Item = (Moment, Item, Version)> {
    records.iter().flat_map(|record| {
        let (items, returned) = match record {
            Record::Write {
                items, returned, ..
            } => (&items[..], *returned),
            _ => (&[][..], Moment(0)),
        };
        items
            .iter()
            .map(move |(item, version)| (returned, *item, *version))
    })
}

/// The same for others: what was queued holds for them when it is settled.
fn changes(by: usize, records: &[Record]) -> Vec<Change> {
    let settled: HashMap<u64, Moment> = records
        .iter()
        .filter_map(|record| match record {
            Record::Settled { number, at } => Some((*number, *at)),
            _ => None,
        })
        .collect();
    let mut changes = Vec::new();
    for record in records {
        let Record::Write {
            number,
            items,
            returned,
            is_done,
        } = record
        else {
            continue;
        };
        let taken = match is_done {
            true => Some(returned),
            false => settled.get(number),
        };
        let Some(&returned) = taken else {
            continue;
        };
        changes.extend(items.iter().map(|&(item, version)| Change {
            by,
            item,
            version,
            returned,
        }));
    }
    changes
}

fn due((due, change): (Moment, &Change)) -> (Moment, Item, Version) {
    (due, change.item, change.version)
}

/// When a process must have heard of what had returned then.
fn heard(returned: Moment, window: Duration, silences: &[Silence]) -> Moment {
    let mut heard = returned.after(window);
    // By their beginnings: each may put off what the one before has put off already.
    for silence in silences {
        if silence.from <= heard && silence.to >= returned {
            heard = heard.max(silence.to.after(window));
        }
    }
    heard
}

/// The silences of a process, its own standstills among them, by their beginnings.
fn silences_of(account: &Account, silences: &[Silence]) -> Vec<Silence> {
    let place = account.place;
    let others = silences.iter().copied();
    let others = others.filter(|silence| silence.place.is_none_or(|other| other == place));
    let own = account.records.iter().filter_map(|record| match record {
        Record::Stalled { from, to } => Some(Silence {
            from: *from,
            to: *to,
            place: Some(place),
        }),
        _ => None,
    });
    let mut silences: Vec<Silence> = others.chain(own).collect();
    silences.sort_by_key(|silence| silence.from);
    silences
}

/// From when on which version of each item is the least that may be read.
struct Due(HashMap<Item, Vec<(Moment, Version)>>);

impl Due {
    fn new(changes: impl Iterator<Item = (Moment, Item, Version)>) -> Self {
        let mut items: HashMap<Item, Vec<(Moment, Version)>> = HashMap::new();
        for (due, item, version) in changes {
            items.entry(item).or_default().push((due, version));
        }
        for steps in items.values_mut() {
            steps.sort_unstable();
            // What is less than was demanded before demands nothing.
            let mut least = 0;
            steps.retain(|(_, version)| {
                let demands = *version > least;
                least = least.max(*version);
                demands
            });
        }
        Self(items)
    }

    /// The least version at this moment, and since when it is that.
    fn by(&self, item: Item, moment: Moment) -> Option<(Moment, Version)> {
        self.before(item, moment).last().copied()
    }

    /// How long before this moment the first version after this one was due.
    fn longest_missed(&self, item: Item, moment: Moment, version: Version) -> Option<Duration> {
        let missed = self.before(item, moment);
        let first = missed.iter().find(|(_, newer)| *newer > version);
        first.map(|(due, _)| moment.since(*due))
    }

    fn before(&self, item: Item, moment: Moment) -> &[(Moment, Version)] {
        let steps = self.0.get(&item).map_or(&[][..], Vec::as_slice);
        &steps[..steps.partition_point(|(due, _)| *due < moment)]
    }
}
