//! One history: starts servers and workers, lets faults happen, and has the outcome checked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use larder_testkit::{FaultProxy, Folder, MemcachedServer, Process, RedisServer};
use tokio::time::sleep;

use crate::checker::{Account, Findings, Silence, WINDOW, check};
use crate::faults::{Damage, Fault, Site};
use crate::plan::{Plan, Tiers};
use crate::record::{Moment, Records, watch_for_stalls};
use crate::tiers::Below;
use crate::worker::{Job, PLACES};

/// How long nothing goes wrong at the end, so that what is stale for good is seen.
const CALM: Duration = Duration::from_secs(2);

/// How long a worker may need to notice that its time is over: many times as long as any step.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Runs a history.
///
/// # Errors
/// What was read and should not have been, or what did not happen enough for the history to show
/// anything; with the seed.
pub(crate) fn run(plan: &Plan) -> Result<(), String> {
    let seconds = number("LARDER_HISTORY_SECONDS").unwrap_or(14);
    let seed = number("LARDER_HISTORY_SEED").unwrap_or_else(|| fastrand::u64(..));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("there are threads");
    let outcome = runtime.block_on(happen(plan, Duration::from_secs(seconds), seed));
    outcome.map_err(|problem| format!("with the seed {seed}: {problem}"))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number")),
    )
}

async fn happen(plan: &Plan, lasts: Duration, seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let origin = RedisServer::start().await;
    let folder = Folder::new();
    let site = Site::of(plan).await;
    let stalls = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&stalls);
    // The proxies live in this process.
    let watching = tokio::spawn(watch_for_stalls(move |from, to| {
        let place = None;
        told.lock()
            .expect("nobody panics while holding it")
            .push(Silence { from, to, place });
    }));

    let ends = Moment::now().after(lasts);
    let mut crew = Crew {
        plan,
        site: &site,
        origin: origin.url(),
        folder: folder.path().to_owned(),
        rng: rng.fork(),
        ends,
        files: Vec::new(),
    };
    let mut workers: Vec<Process> = (0..PLACES).map(|place| crew.start(place)).collect();
    let mut damage = Damage::default();
    let mut next = Vec::new();
    while Moment::now().after(CALM) < ends {
        sleep(Duration::from_millis(rng.u64(50..250))).await;
        // Each in turn, in another order each time.
        if next.is_empty() {
            next.extend_from_slice(plan.faults);
            rng.shuffle(&mut next);
        }
        let fault = next.pop().expect("there are faults");
        let place = rng.usize(..PLACES);
        site.suffer(fault, place, &mut rng, &mut damage).await;
        if fault == Fault::KillWorker {
            // Dropped first: the folder is never used by more than there are places.
            drop(workers.remove(place));
            workers.insert(place, crew.start(place));
        }
    }
    for worker in &mut workers {
        while worker.exit_status().is_none() {
            if Moment::now() > ends.after(ENDS_WITHIN) {
                return Err("a worker does not end: something in it waits".to_owned());
            }
            sleep(Duration::from_millis(20)).await;
        }
        if !worker.wait().success() {
            return Err("a worker failed: see above".to_owned());
        }
    }
    watching.abort();

    damage
        .silences
        .append(&mut stalls.lock().expect("nobody panics while holding it"));
    let accounts: Vec<Account> = crew
        .files
        .iter()
        .map(|(place, file)| Account {
            place: *place,
            records: Records::read(file),
        })
        .collect();
    let hears = !plan.is_strict && plan.tiers != Tiers::File;
    let findings = check(&accounts, &damage.silences, hears.then_some(WINDOW))?;
    println!(
        "{}, seed {seed}: {findings:?}, {:?}",
        plan.name, damage.times
    );
    is_telling(plan, &findings, &damage)
}

/// Starts workers.
struct Crew<'a> {
    plan: &'a Plan,
    site: &'a Site,
    origin: String,
    folder: PathBuf,
    rng: Rng,
    ends: Moment,
    /// Where each worker writes, and its place.
    files: Vec<(usize, PathBuf)>,
}

impl Crew<'_> {
    fn start(&mut self, place: usize) -> Process {
        let url = |site: &Site| site.proxies[place].url();
        let below = match self.plan.tiers {
            Tiers::Redis => Below::Redis {
                url: url(self.site),
            },
            Tiers::MemcachedAndRedis => Below::MemcachedAndRedis {
                memcached: self.site.copies_url(),
                url: url(self.site),
            },
            Tiers::File => Below::File {
                folder: self.folder.join("tier"),
            },
        };
        let records = self.folder.join(format!("{}.jsonl", self.files.len()));
        self.files.push((place, records.clone()));
        let job = Job {
            below,
            is_strict: self.plan.is_strict,
            place,
            origin: self.origin.clone(),
            records,
            seed: self.rng.u64(..),
            ends: self.ends,
        };
        job.start()
    }
}

impl Site {
    async fn of(plan: &Plan) -> Self {
        let server = match (plan.tiers, plan.is_durable) {
            (Tiers::File, _) => None,
            (_, true) => Some(RedisServer::builder().append_only().start().await),
            (_, false) => Some(RedisServer::start().await),
        };
        let copies = match plan.tiers {
            Tiers::MemcachedAndRedis => Some(MemcachedServer::start().await),
            Tiers::Redis | Tiers::File => None,
        };
        let mut proxies = Vec::new();
        if let Some(server) = &server {
            for _ in 0..PLACES {
                proxies.push(FaultProxy::start(server.port()).await);
            }
        }
        Self {
            server,
            copies,
            proxies,
        }
    }

    fn copies_url(&self) -> String {
        self.copies.as_ref().expect("there are copies").url()
    }
}

/// Whether enough happened for the history to show anything.
fn is_telling(plan: &Plan, findings: &Findings, damage: &Damage) -> Result<(), String> {
    let counts = &findings.counts;
    let below: u64 = counts.below.iter().sum();
    let hears = !plan.is_strict && plan.tiers != Tiers::File;
    let mut happened = vec![
        ("reads", findings.reads as u64, 2_000),
        (
            "reads soon after another's invalidation",
            findings.told as u64,
            500,
        ),
        (
            "invalidations",
            (findings.writes - findings.queued) as u64,
            50,
        ),
        ("loads", counts.loads, 200),
        ("hits in process memory", counts.above, 500),
        ("hits below it", below, 50),
        ("promotions to process memory", counts.promotions, 50),
    ];
    if plan.tiers == Tiers::MemcachedAndRedis {
        happened.push(("hits in copies", counts.below[0], 20));
    }
    if hears {
        happened.push((
            "ends of connections that tell of changes",
            damage.ended_links,
            2,
        ));
    }
    for fault in plan.faults {
        let times = damage.times.get(fault).copied().unwrap_or(0);
        if times == 0 {
            return Err(format!("{fault:?} did not happen: let it last longer"));
        }
    }
    match happened.iter().find(|(_, times, least)| times < least) {
        None => Ok(()),
        Some((what, times, least)) => Err(format!(
            "there were {times} {what}, which is less than {least}: the history shows nothing"
        )),
    }
}
