//! The way to the servers: one, those of a cluster, or the one that sentinels name.
//!
//! What is asked of a store becomes a [`Batch`]: commands, each about keys of one hash slot. A batch is
//! sent as one pipeline to each server that has keys of it, to all at the same time, so that it takes one
//! round trip. A single server gets all of it in one pipeline.
//!
//! The client has a connection to a whole cluster, too. It takes no pipeline over several slots, follows an
//! `ASK` only by luck where a connection is shared (another command may come between the `ASKING` and the
//! command), and stands still for all servers while it looks for one. So a cluster is here several
//! servers, each with the connection that a single one has, and a map of slots.

mod batch;
mod beat;
mod finder;
mod map;
mod node;
mod open;
mod parcel;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::cluster::NodeAddress;
use redis::cluster_async::ClusterConnection;
use redis::{ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::runtime::Handle;

pub(crate) use self::batch::Batch;
pub(crate) use self::beat::beat;
use self::finder::{Finder, Source};
use self::map::Map;
pub(crate) use self::node::Node;
use self::parcel::{Parcel, Turn};
pub(crate) use self::walk::Place;
use crate::scripts::Scripts;
use crate::watch::Links;

/// How often a command is sent on to another server, or again after the scripts were loaded. In a
/// resharding it takes two or three turns; more means that the servers do not agree.
const MOST_TURNS: usize = 8;

/// How many keys of a single server one command names: it serves others in between.
const AT_ONCE: usize = 500;

/// What must have an invalidation before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// How many replicas of each server.
    pub(crate) replicas: u32,
    /// How long they have.
    pub(crate) within: Duration,
}

/// The connection of a store, shared by its clones.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    map: ArcSwap<Map>,
    /// `None` for a single server, which is where it is.
    finder: Option<Finder>,
    scripts: Scripts,
    acknowledgement: Option<Acknowledgement>,
}

impl Connection {
    /// To one server.
    fn single(
        server: ConnectionInfo,
        acknowledgement: Option<Acknowledgement>,
    ) -> RedisResult<Self> {
        let node = Node::new(server, acknowledgement.is_some())?;
        Ok(Self::new(Map::one(Arc::new(node)), None, acknowledgement))
    }

    /// To servers that must be looked for.
    fn found(source: Source, acknowledgement: Option<Acknowledgement>) -> Self {
        let finder = Finder::new(source, acknowledgement.is_some());
        Self::new(Map::default(), Some(finder), acknowledgement)
    }

    fn new(map: Map, finder: Option<Finder>, acknowledgement: Option<Acknowledgement>) -> Self {
        Self(Arc::new(Shared {
            map: ArcSwap::from_pointee(map),
            finder,
            scripts: Scripts::new(),
            acknowledgement,
        }))
    }

    pub(crate) fn scripts(&self) -> &Scripts {
        &self.0.scripts
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.0.finder.as_ref().is_some_and(Finder::is_cluster)
    }

    /// How many keys one command may name: in a cluster they would be of several slots.
    pub(crate) fn keys_at_once(&self) -> usize {
        if self.is_cluster() { 1 } else { AT_ONCE }
    }

    /// What invalidations wait for, if for anything.
    pub(crate) fn acknowledgement(&self) -> Option<Acknowledgement> {
        self.0.acknowledgement
    }

    /// Sends the commands to the servers that have their keys, and gives the answers in their order; what
    /// a server refused is a value among them. One that could not be sent fails the whole, when all others
    /// have been answered.
    ///
    /// A command whose server does not know its script is sent again when it does, and one whose key has
    /// moved is sent on. No other is sent twice.
    ///
    /// While there are links, an answer that comes from a server without one ends what is heard before.
    pub(crate) async fn run(&self, batch: Batch, links: Option<&Links>) -> RedisResult<Vec<Value>> {
        let (answers, _) = self.deliver(batch, None, links).await?;
        Ok(answers)
    }

    /// Like [`run`](Self::run), and waits until the replicas have what the commands changed, where that
    /// was asked for. How many had it, at the server where the fewest did.
    pub(crate) async fn run_acknowledged(
        &self,
        batch: Batch,
        links: Option<&Links>,
    ) -> RedisResult<(Vec<Value>, u32)> {
        self.deliver(batch, self.0.acknowledgement, links).await
    }

    async fn deliver(
        &self,
        batch: Batch,
        acknowledgement: Option<Acknowledgement>,
        links: Option<&Links>,
    ) -> RedisResult<(Vec<Value>, u32)> {
        let map = self.map().await?;
        let mut answers = vec![Value::Nil; batch.len()];
        let mut acknowledged = u32::MAX;
        let mut parcels = Vec::with_capacity(1);
        for (place, command) in batch.into_commands().enumerate() {
            let Some(node) = map.node_of(command.key()) else {
                self.look_again();
                return Err(nowhere());
            };
            Parcel::of(&mut parcels, node, false).add(place, command.cmd);
        }
        for turn in 1.. {
            let sent = parcels
                .into_iter()
                .map(|parcel| self.send(parcel, acknowledgement, links));
            let returned = join_all(sent).await;
            parcels = Vec::new();
            for returned in returned {
                let (parcel, values, had) = returned?;
                acknowledged = acknowledged.min(had);
                self.take(parcel, values, turn, &mut answers, &mut parcels)
                    .await?;
            }
            if parcels.is_empty() {
                break;
            }
        }
        Ok((answers, acknowledged))
    }

    /// Sends one parcel. A server that does not answer, or whose caller does not wait for it any longer,
    /// may not be the right one any more.
    async fn send(
        &self,
        mut parcel: Parcel,
        acknowledgement: Option<Acknowledgement>,
        links: Option<&Links>,
    ) -> RedisResult<(Parcel, Vec<Value>, u32)> {
        let doubt = Doubt(Some(self));
        let (values, had) = parcel.send(acknowledgement, links).await?;
        doubt.dispel();
        Ok((parcel, values, had))
    }

    /// Puts what was answered into its place, and what was not into parcels for another turn.
    async fn take(
        &self,
        parcel: Parcel,
        values: Vec<Value>,
        turn: usize,
        answers: &mut [Value],
        again: &mut Vec<Parcel>,
    ) -> RedisResult<()> {
        let mut is_loaded = false;
        for (at, value) in values.into_iter().enumerate() {
            let next = match Turn::after(&value, parcel.node.address()) {
                _ if turn == MOST_TURNS => None,
                Turn::Unloaded => {
                    if !is_loaded {
                        parcel.node.load(self.scripts()).await?;
                        is_loaded = true;
                    }
                    Some((Arc::clone(&parcel.node), parcel.is_asking))
                }
                Turn::Moved(to) => {
                    self.look_again();
                    self.node_at(to)?.map(|node| (node, false))
                }
                Turn::Ask(to) => self.node_at(to)?.map(|node| (node, true)),
                Turn::Unfit => {
                    self.look_again();
                    None
                }
                Turn::Over => None,
            };
            match next {
                Some((node, is_asking)) => Parcel::of(again, &node, is_asking)
                    .add(parcel.places[at], parcel.command(at).clone()),
                None => answers[parcel.places[at]] = value,
            }
        }
        Ok(())
    }

    fn node_at(&self, address: NodeAddress) -> RedisResult<Option<Arc<Node>>> {
        let finder = self.0.finder.as_ref();
        finder.map(|finder| finder.node(address)).transpose()
    }

    /// Which server has which keys, as far as is known. Waits for the first time that they are found.
    async fn map(&self) -> RedisResult<Arc<Map>> {
        let map = self.0.map.load_full();
        let Some(finder) = self.0.finder.as_ref().filter(|_| map.is_empty()) else {
            return Ok(map);
        };
        let mut looked = finder.looked();
        self.look_again();
        // The sender lives in the finder, which is ours.
        let _ = looked.changed().await;
        let failure = looked.borrow().clone();
        let map = self.0.map.load_full();
        match failure {
            Some(error) if map.is_empty() => Err(error),
            _ => Ok(map),
        }
    }

    /// The servers that have keys, looked for anew.
    pub(crate) async fn map_now(&self) -> RedisResult<Arc<Map>> {
        let Some(finder) = &self.0.finder else {
            return Ok(self.0.map.load_full());
        };
        let map = Arc::new(finder.look(&self.0.map.load_full()).await?);
        self.0.map.store(Arc::clone(&map));
        Ok(map)
    }

    /// Asks every server that has keys whether it answers.
    pub(crate) async fn ping(&self) -> RedisResult<()> {
        let map = self.map().await?;
        let mut ping = Pipeline::new();
        ping.cmd("PING");
        let asked = map.nodes().iter().map(async |node| {
            let doubt = Doubt(Some(self));
            let answers = node.send(&ping).await?;
            doubt.dispel();
            answers
                .into_iter()
                .try_for_each(|answer| answer.extract_error().map(drop))
        });
        if map.is_empty() {
            return Err(nowhere());
        }
        join_all(asked).await.into_iter().collect()
    }

    /// A connection of its own to the server that has this key.
    pub(crate) async fn dedicated(&self, key: &str) -> RedisResult<MultiplexedConnection> {
        let map = self.map().await?;
        let doubt = Doubt(Some(self));
        let connection = map
            .node_of(key.as_bytes())
            .ok_or_else(nowhere)?
            .dedicated()
            .await?;
        doubt.dispel();
        Ok(connection)
    }

    /// The client's connection, where there is one server.
    pub(crate) fn manager(&self) -> Option<ConnectionManager> {
        let map = self.0.map.load();
        let node = map.nodes().first().filter(|_| !self.is_cluster())?;
        Some(node.manager())
    }

    /// The client's connection to a cluster.
    pub(crate) fn cluster(&self) -> Option<ClusterConnection> {
        self.0.finder.as_ref()?.cluster_connection()
    }

    /// Looks where the servers are, in a task of its own: what is known seems to be out of date.
    pub(crate) fn look_again(&self) {
        // A call that is dropped outside of a runtime asks for nothing.
        let (Some(finder), Ok(runtime)) = (&self.0.finder, Handle::try_current()) else {
            return;
        };
        if !finder.begin() {
            return;
        }
        let mut looking = Looking {
            connection: self.clone(),
            failure: None,
        };
        runtime.spawn(async move { looking.look().await });
    }
}

/// A look that is under way, and over when this is dropped.
struct Looking {
    connection: Connection,
    failure: Option<RedisError>,
}

impl Looking {
    async fn look(&mut self) {
        let Shared { map, finder, .. } = &*self.connection.0;
        let Some(finder) = finder else {
            return;
        };
        finder.pause().await;
        match finder.look(&map.load_full()).await {
            Ok(found) => {
                finder.forget_others(&found);
                map.store(Arc::new(found));
            }
            Err(error) => self.failure = Some(error),
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        if let Some(finder) = &self.connection.0.finder {
            finder.end(self.failure.take());
        }
    }
}

pub(crate) fn nowhere() -> RedisError {
    RedisError::from((
        ErrorKind::ClusterConnectionNotFound,
        "no server has the key's slot",
    ))
}

/// Whether the server, or the cluster, may serve again without anything being done about it.
pub(crate) fn is_passing(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        ) | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel
    )
}

/// Looks again when it is dropped, unless it was dispelled: also when nobody waits for the answer any more.
struct Doubt<'c>(Option<&'c Connection>);

impl Doubt<'_> {
    fn dispel(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.look_again();
        }
    }
}
