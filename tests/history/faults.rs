//! What happens to servers, connections and workers.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use larder_testkit::{Fault as Broken, FaultProxy, MemcachedServer, RedisServer};
use tokio::time::sleep;

use crate::checker::{Silence, UNNOTICED};
use crate::record::Moment;

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A worker's connections are reset.
    Cut,
    /// A worker's connections carry nothing, and say nothing of it.
    Blackhole,
    /// They carry everything late.
    Latency,
    /// The connections on which the server tells of changes end, those for calls go on.
    EndLinks,
    /// The server with the generations stands still.
    Pause,
    /// It is killed, and started again.
    Kill,
    /// The server with the copies stands still.
    PauseCopies,
    /// It is killed, and started again.
    KillCopies,
    /// A worker is killed, and another one takes its place.
    KillWorker,
}

/// The servers, and the way of each worker to them.
pub(crate) struct Site {
    /// `None` where a folder takes its place.
    pub(crate) server: Option<RedisServer>,
    pub(crate) copies: Option<MemcachedServer>,
    /// One for each place.
    pub(crate) proxies: Vec<FaultProxy>,
}

/// What came of the faults.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    pub(crate) silences: Vec<Silence>,
    /// How often each fault happened.
    pub(crate) times: BTreeMap<Fault, u64>,
    /// Connections on which changes were told and that have ended.
    pub(crate) ended_links: u64,
}

impl Site {
    /// Lets a fault happen, and makes good. That of a worker at `place` is its coordinator's.
    pub(crate) async fn suffer(
        &self,
        fault: Fault,
        place: usize,
        rng: &mut Rng,
        damage: &mut Damage,
    ) {
        *damage.times.entry(fault).or_default() += 1;
        let millis = |rng: &mut Rng, range| Duration::from_millis(rng.u64(range));
        let from = Moment::now();
        let silent = match fault {
            Fault::Cut => {
                damage.ended_links += 1;
                // The first one for so long that what is not distrusted shows.
                let lasts = match damage.times[&fault] % 3 {
                    1 => Duration::from_millis(2_500),
                    2 => Duration::ZERO,
                    _ => millis(rng, 1..300),
                };
                self.behave(place, Broken::Cut, lasts).await;
                None
            }
            Fault::Blackhole => {
                self.behave(place, Broken::Blackhole, millis(rng, 50..2_500))
                    .await;
                Some(Some(place))
            }
            Fault::Latency => {
                let broken = Broken::Latency(millis(rng, 2..50));
                self.behave(place, broken, millis(rng, 200..600)).await;
                None
            }
            Fault::EndLinks => {
                damage.ended_links += end_links(self.server()).await;
                None
            }
            Fault::Pause => {
                self.server().pause();
                sleep(millis(rng, 20..900)).await;
                self.server().resume();
                Some(None)
            }
            Fault::Kill => {
                damage.ended_links += self.proxies.len() as u64;
                self.server().kill();
                sleep(millis(rng, 0..400)).await;
                self.server().restart().await;
                None
            }
            Fault::PauseCopies => {
                self.copies().pause();
                sleep(millis(rng, 20..900)).await;
                self.copies().resume();
                None
            }
            Fault::KillCopies => {
                self.copies().kill();
                sleep(millis(rng, 0..400)).await;
                self.copies().restart().await;
                None
            }
            Fault::KillWorker => None,
        };
        if let Some(place) = silent {
            let to = Moment::now().min(from.after(UNNOTICED));
            damage.silences.push(Silence { from, to, place });
        }
    }

    async fn behave(&self, place: usize, broken: Broken, lasts: Duration) {
        let proxy = &self.proxies[place];
        proxy.set(broken);
        sleep(lasts).await;
        proxy.set(Broken::None);
    }

    fn server(&self) -> &RedisServer {
        self.server.as_ref().expect("this fault is one of servers")
    }

    fn copies(&self) -> &MemcachedServer {
        self.copies.as_ref().expect("this fault is one of copies")
    }
}

/// Has the server end the connections that it tells of changes; how many there were.
async fn end_links(server: &RedisServer) -> u64 {
    let mut ended = 0;
    for client in server.ask(&["CLIENT", "LIST"]).await.lines() {
        let field = |name: &str| client.split(' ').find_map(|field| field.strip_prefix(name));
        // `B` is a client that is told of every change.
        if let (Some(id), Some(flags)) = (field("id="), field("flags="))
            && flags.contains('B')
        {
            let killed = server.ask(&["CLIENT", "KILL", "ID", id]).await;
            ended += killed.trim().parse::<u64>().unwrap_or(0);
        }
    }
    ended
}
