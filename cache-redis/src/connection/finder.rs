//! Looks where the servers are: asks the servers of a cluster, or sentinels.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::cluster::{ClusterClient, ClusterConfig, NodeAddress};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::SentinelClient;
use redis::{ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Map, Node, map};
use crate::connect::CONNECT_WITHIN;

/// The least time from one look to the next: servers in trouble are not to be asked by every call.
const PAUSE: Duration = Duration::from_millis(100);

/// How long sentinels have to name a server that says itself that it is the primary.
const NAMED_WITHIN: Duration = Duration::from_secs(5);

/// Whom to ask.
pub(crate) enum Source {
    /// Some servers of a cluster.
    Cluster {
        /// Not empty. All servers have the user and certificates of the first.
        seeds: Vec<ConnectionInfo>,
        /// For the connection that is handed out.
        client: Box<ClusterClient>,
    },
    /// Sentinels, which have the primary's name.
    Sentinels(Box<tokio::sync::Mutex<SentinelClient>>),
}

pub(super) struct Finder {
    source: Source,
    has_apart: bool,
    /// Servers of a cluster by address: those of the map, and those that commands were sent on to.
    nodes: Mutex<HashMap<NodeAddress, Arc<Node>>>,
    is_looking: AtomicBool,
    last: Mutex<Option<Instant>>,
    /// Why the last look failed, if it did.
    looked: watch::Sender<Option<RedisError>>,
    handed_out: OnceLock<ClusterConnection>,
}

impl Finder {
    pub(super) fn new(source: Source, has_apart: bool) -> Self {
        Self {
            source,
            has_apart,
            nodes: Mutex::default(),
            is_looking: AtomicBool::new(false),
            last: Mutex::default(),
            looked: watch::Sender::new(None),
            handed_out: OnceLock::new(),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.source, Source::Cluster { .. })
    }

    /// Changes when a look has ended.
    pub(super) fn looked(&self) -> watch::Receiver<Option<RedisError>> {
        self.looked.subscribe()
    }

    /// Whether a look may begin: one that is asked for while another is under way is not needed. Who may
    /// says when it is [over](Self::end).
    pub(super) fn begin(&self) -> bool {
        !self.is_looking.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end(&self, failure: Option<RedisError>) {
        // In this order: who sees that nobody looks begins anew, and who sees that somebody does hears of it.
        self.is_looking.store(false, Ordering::Release);
        self.looked.send_replace(failure);
    }

    /// Waits until some time has passed since the last time.
    pub(super) async fn pause(&self) {
        let begins = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let begins = last.map_or(now, |last| now.max(last + PAUSE));
            *last = Some(begins);
            begins
        };
        sleep_until(begins).await;
    }

    /// The servers as they are now; `known` is where they were.
    pub(super) async fn look(&self, known: &Map) -> RedisResult<Map> {
        match &self.source {
            Source::Cluster { seeds, .. } => {
                // One that has lost sight of the others knows nothing new: the seeds may know more.
                match self.ask(known.nodes().to_vec()).await {
                    Ok((map, true)) => Ok(map),
                    other => {
                        let nodes = seeds.iter().filter_map(|seed| {
                            let address = NodeAddress::try_from(seed.addr()).ok()?;
                            self.node(address).ok()
                        });
                        match (self.ask(nodes.collect()).await, other) {
                            (Ok((map, true)), _) | (_, Ok((map, _))) | (Ok((map, _)), _) => Ok(map),
                            (Err(error), _) => Err(error),
                        }
                    }
                }
            }
            Source::Sentinels(sentinels) => {
                let mut sentinels = sentinels.lock().await;
                let client = timeout(NAMED_WITHIN, sentinels.async_get_client()).await;
                let client = client.map_err(|_| too_late())??;
                let server = client.get_connection_info();
                let address = NodeAddress::try_from(server.addr())?;
                let node = known.nodes().iter().find(|node| *node.address() == address);
                Ok(Map::one(match node {
                    Some(node) => Arc::clone(node),
                    None => Arc::new(Node::new(server.clone(), self.has_apart)?),
                }))
            }
        }
    }

    /// Asks servers of a cluster at the same time for all, and takes the first answer of one that sees
    /// most of the others; without any, another answer.
    async fn ask(&self, nodes: Vec<Arc<Node>>) -> RedisResult<(Map, bool)> {
        let asked = nodes.into_iter().map(async |node| {
            let answer = timeout(CONNECT_WITHIN, ask(&node)).await;
            answer.unwrap_or_else(|_| Err(too_late()))
        });
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut best = Err(too_late());
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((ranges, is_well)) => {
                    let map = Map::of(&ranges, |address| self.node(address))?;
                    best = Ok((map, is_well));
                    if is_well {
                        break;
                    }
                }
                Err(error) if best.is_err() => best = Err(error),
                Err(_) => {}
            }
        }
        best
    }

    /// The server of a cluster at an address.
    pub(super) fn node(&self, address: NodeAddress) -> RedisResult<Arc<Node>> {
        let Source::Cluster { seeds, .. } = &self.source else {
            return Err(RedisError::from((
                ErrorKind::Client,
                "sentinels do not send on",
            )));
        };
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(&address) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(Node::like(&seeds[0], &address, self.has_apart)?);
        nodes.insert(address, Arc::clone(&node));
        Ok(node)
    }

    /// Keeps only the connections to servers on the map.
    pub(super) fn forget_others(&self, map: &Map) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|_, node| map.nodes().iter().any(|other| Arc::ptr_eq(node, other)));
    }

    /// The client's own connection to the cluster. It is made when it is first asked for.
    pub(super) fn cluster_connection(&self) -> Option<ClusterConnection> {
        let Source::Cluster { client, .. } = &self.source else {
            return None;
        };
        let connection = self
            .handed_out
            .get_or_init(|| client.get_pending_async_connection_with_config(ClusterConfig::new()));
        Some(connection.clone())
    }
}

/// Which servers have the slots, according to this one, and whether it sees most of the others.
async fn ask(node: &Node) -> RedisResult<(Vec<map::Range>, bool)> {
    let mut pipeline = Pipeline::new();
    pipeline.cmd("CLUSTER").arg("SLOTS");
    pipeline.cmd("CLUSTER").arg("INFO");
    read_map(node.send(&pipeline).await?, node.address())
}

/// The answers to `CLUSTER SLOTS` and `CLUSTER INFO` of the server at `asked`.
pub(super) fn read_map(
    answers: Vec<Value>,
    asked: &NodeAddress,
) -> RedisResult<(Vec<map::Range>, bool)> {
    let mut answers = answers.into_iter();
    let mut answer = || answers.next().unwrap_or(Value::Nil).extract_error();
    let ranges = map::ranges(&answer()?, asked);
    let info: String = redis::from_redis_value(answer()?)?;
    let ranges = ranges.ok_or_else(|| {
        RedisError::from((ErrorKind::UnexpectedReturnType, "the slots were not listed"))
    })?;
    Ok((ranges, info.contains("cluster_state:ok")))
}

fn too_late() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
