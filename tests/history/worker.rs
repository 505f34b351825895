//! One of the processes: reads and writes at random, and writes down what it saw.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use larder::{Cache, Coherence, Invalidation};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::origin::Origin;
use crate::record::{Counts, Item, Moment, Record, Records, Version, watch_for_stalls};
use crate::tiers::Below;

/// Where a worker finds what it is to do.
const VARIABLE: &str = "LARDER_HISTORY_JOB";

const ITEMS: Item = 10;
/// Items of one group are written in the same time, and share a tag.
const GROUPS: u64 = 5;
/// How long the items of a group are written, before those of the next one are. In between they are only
/// read, so that something stale would stay to be seen.
const TURN: Duration = Duration::from_millis(500);

const READERS: u64 = 4;

/// How many workers there are at a time.
pub(crate) const PLACES: usize = 3;

/// What a worker is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) below: Below,
    pub(crate) is_strict: bool,
    /// Which of the workers it is, or follows.
    pub(crate) place: usize,
    /// The URL of the origin.
    pub(crate) origin: String,
    /// The file for what happens.
    pub(crate) records: PathBuf,
    pub(crate) seed: u64,
    pub(crate) ends: Moment,
}

impl Job {
    /// What this process was started for, if it is a worker.
    pub(crate) fn given() -> Option<Self> {
        let job = std::env::var(VARIABLE).ok()?;
        Some(serde_json::from_str(&job).expect("it was written by the coordinator"))
    }

    /// A process that does it.
    pub(crate) fn start(&self) -> larder_testkit::Process {
        let program = std::env::current_exe().expect("this program is a file");
        let mut command = std::process::Command::new(program);
        let job = serde_json::to_string(self).expect("it has no maps");
        command.env(VARIABLE, job);
        larder_testkit::Process::spawn(command).expect("this program can be started")
    }
}

/// Does it, until it is over.
pub(crate) fn run(job: &Job) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("there are threads");
    runtime.block_on(work(job));
}

async fn work(job: &Job) {
    let coherence = if job.is_strict {
        Coherence::Strict
    } else {
        Coherence::Push
    };
    let worker = Worker {
        cache: job.below.cache(coherence).await,
        origin: Origin::at(&job.origin).await,
        records: Arc::new(Records::create(&job.records)),
        writes: Arc::default(),
        place: job.place,
        ends: job.ends,
    };
    let records = Arc::clone(&worker.records);
    let watching = tokio::spawn(watch_for_stalls(move |from, to| {
        records.write(&Record::Stalled { from, to });
    }));
    let mut seeds = Rng::with_seed(job.seed);
    let mut tasks = JoinSet::new();
    for _ in 0..READERS {
        tasks.spawn(worker.clone().read_on(Rng::with_seed(seeds.u64(..))));
    }
    tasks.spawn(worker.clone().write_on(Rng::with_seed(seeds.u64(..))));
    tasks.spawn(worker.clone().count_on());
    tasks.join_all().await;
    watching.abort();
}

#[derive(Clone)]
struct Worker {
    cache: Cache,
    origin: Origin,
    records: Arc<Records>,
    /// How many writes there were.
    writes: Arc<AtomicU64>,
    place: usize,
    ends: Moment,
}

impl Worker {
    fn is_on(&self) -> bool {
        Moment::now() < self.ends
    }

    async fn read_on(self, mut rng: Rng) {
        while self.is_on() {
            let item = rng.u8(..ITEMS);
            let began = Moment::now();
            if let Some(version) = self.read(item, &mut rng).await {
                self.records.write(&Record::Read {
                    began,
                    item,
                    version,
                });
            }
            if rng.u8(..4) == 0 {
                sleep(Duration::from_millis(1)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Reads an item in one way or another; `None` if there is nothing, or it was given up.
    async fn read(&self, item: Item, rng: &mut Rng) -> Option<Version> {
        let takes = Duration::from_millis(rng.u64(..4));
        // Not a number alone: those have no copies, and no place above a store that is asked at each hit.
        let load = async || {
            let version = self.origin.read(item).await;
            // The older the version is when it is stored, the better.
            if !takes.is_zero() {
                sleep(takes).await;
            }
            (item, version)
        };
        let tags = [tag(item), group(item)];
        let load = self.cache.load(key(item), load).tags(tags);
        let read: Option<(Item, Version)> = match rng.u8(..100) {
            0..10 => self.cache.get(key(item)).await.ok().flatten(),
            10..13 => timeout(Duration::from_millis(2), load).await.ok(),
            // While it is only read, a refresh would replace what is stale before that is seen.
            13..15 if turn() == u64::from(item) % GROUPS => Some(load.refresh().await),
            15..25 => Some(load.lock().await),
            _ => Some(load.await),
        };
        read.map(|(of, version)| {
            assert_eq!(of, item, "each key has a value of its own");
            version
        })
    }

    async fn write_on(self, mut rng: Rng) {
        let mut settling = JoinSet::new();
        while self.is_on() {
            // What a process invalidates itself it forgets. So each stands back in its turn, in which it can
            // know of changes by hearing of them only.
            if turns() % PLACES as u64 != self.place as u64 {
                self.write(&mut rng, &mut settling).await;
            }
            while settling.try_join_next().is_some() {}
            sleep(Duration::from_millis(rng.u64(5..60))).await;
        }
    }

    /// Changes one item or a group, and invalidates it in one way or another.
    async fn write(&self, rng: &mut Rng, settling: &mut JoinSet<()>) {
        let turn = turn();
        let group: Vec<Item> = (0..ITEMS)
            .filter(|item| u64::from(*item) % GROUPS == turn)
            .collect();
        let item = group[rng.usize(..group.len())];
        let way = rng.u8(..100);
        let changed = match way {
            0..30 => &group[..],
            _ => std::slice::from_ref(&item),
        };
        let mut items = Vec::new();
        for &item in changed {
            items.push((item, self.origin.change(item).await));
        }
        let invalidation = async {
            match way {
                0..30 => self.cache.invalidate_tags([self::group(item)]).await,
                30..60 => self.cache.invalidate_tags([tag(item)]).await,
                60..85 => self.cache.invalidate_key(key(item)).await,
                _ => {
                    let deleted = self.cache.delete(key(item)).await;
                    // What the tiers did not take is kept.
                    Ok(deleted.map_or(Invalidation::Queued, |_| Invalidation::Done))
                }
            }
        };
        // One that is given up is made nevertheless, but nobody says when.
        let patience = match rng.u8(..20) {
            0 => Duration::from_millis(1),
            _ => Duration::MAX,
        };
        let Ok(invalidated) = timeout(patience, invalidation).await else {
            return;
        };
        let invalidated = invalidated.expect("the cache can do that");
        let is_done = invalidated == Invalidation::Done;
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        self.records.write(&Record::Write {
            number,
            items,
            returned: Moment::now(),
            is_done,
        });
        if !is_done {
            let (cache, records) = (self.cache.clone(), Arc::clone(&self.records));
            settling.spawn(async move {
                cache.settle().await;
                let at = Moment::now();
                records.write(&Record::Settled { number, at });
            });
        }
    }

    /// Writes down now and then what the cache has counted.
    async fn count_on(self) {
        loop {
            let is_on = self.is_on();
            self.records.write(&Record::Counts(self.counts()));
            if !is_on {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn counts(&self) -> Counts {
        let stats = self.cache.stats();
        let (above, below) = stats.tiers.split_first().expect("there are tiers");
        let hits = |at: usize| below.get(at).map_or(0, |tier| tier.hits);
        Counts {
            above: above.hits,
            below: [hits(0), hits(1)],
            loads: stats.loads,
            overtaken: stats.overtaken,
            promotions: above.promotions,
            errors: stats.errors,
        }
    }
}

/// The group whose items are written now.
fn turn() -> u64 {
    turns() % GROUPS
}

/// How many turns there were.
fn turns() -> u64 {
    Moment::now().0 / Moment(0).after(TURN).0
}

fn key(item: Item) -> String {
    format!("item:{item}")
}

fn tag(item: Item) -> String {
    format!("of-item:{item}")
}

fn group(item: Item) -> String {
    format!("of-group:{}", u64::from(item) % GROUPS)
}
