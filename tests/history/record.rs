//! What a worker writes down, and when that was.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment on the system's monotonic clock, which all processes share, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::try_from(now).expect("the clock does not show a time before it began");
        Self(micros(now))
    }

    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0 + micros(time))
    }

    /// The time since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("it is less than the age of the earth")
}

/// A thing that is cached.
pub(crate) type Item = u8;

/// How often the origin had changed an item.
pub(crate) type Version = u64;

/// A line of a worker's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// This version was read.
    Read {
        began: Moment,
        item: Item,
        version: Version,
    },
    /// The origin was told these versions, and then they were invalidated.
    Write {
        number: u64,
        items: Vec<(Item, Version)>,
        /// When the invalidation had returned.
        returned: Moment,
        /// Whether the tiers had taken it. If not, it holds in its own process alone.
        is_done: bool,
    },
    /// What a write had left to be retried is taken, too.
    Settled { number: u64, at: Moment },
    /// The process did not run, or not enough.
    Stalled { from: Moment, to: Moment },
    /// What the cache has counted so far.
    Counts(Counts),
}

/// What one process, or all of them, did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Hits in process memory.
    pub(crate) above: u64,
    /// Hits in the tiers below it, from the fastest to the slowest.
    pub(crate) below: [u64; 2],
    pub(crate) loads: u64,
    /// Loads whose value was not stored, because something overtook them.
    pub(crate) overtaken: u64,
    /// Entries that process memory got from below.
    pub(crate) promotions: u64,
    pub(crate) errors: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            above: self.above + other.above,
            below: [0, 1].map(|at| self.below[at] + other.below[at]),
            loads: self.loads + other.loads,
            overtaken: self.overtaken + other.overtaken,
            promotions: self.promotions + other.promotions,
            errors: self.errors + other.errors,
        }
    }
}

/// A file of records. Each is in the hands of the system when it is written: nothing is lost with the
/// process.
pub(crate) struct Records(Mutex<File>);

impl Records {
    pub(crate) fn create(path: &Path) -> Self {
        let file =
            File::create_new(path).expect("the folder is there, and no other worker has the name");
        Self(Mutex::new(file))
    }

    pub(crate) fn write(&self, record: &Record) {
        let mut line = serde_json::to_vec(record).expect("it has no maps");
        line.push(b'\n');
        let mut file = self.0.lock().expect("nobody panics while writing");
        file.write_all(&line).expect("there is room");
    }

    /// What is in such a file. The last line of a process that was killed may be half a line.
    pub(crate) fn read(path: &Path) -> Vec<Record> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.split_inclusive('\n');
        let whole = lines.filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).expect("a worker wrote it"))
            .collect()
    }
}

/// Tells of the times in which this process did not run: what it had not heard then it cannot know.
pub(crate) async fn watch_for_stalls(mut tell: impl FnMut(Moment, Moment)) {
    const TICK: Duration = Duration::from_millis(10);
    const MOST: Duration = Duration::from_millis(60);
    loop {
        let from = Moment::now();
        tokio::time::sleep(TICK).await;
        let to = Moment::now();
        if to.since(from) > MOST {
            tell(from, to);
        }
    }
}
