//! The links of one stretch, over which its calls go.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use larder_core::store::Watcher;
use redis::aio::MultiplexedConnection;
use redis::cluster::NodeAddress;
use redis::{Pipeline, RedisResult, ServerErrorKind, Value};

use super::hearing::Hearing;
use crate::connection::Node;

/// A link to every primary, by its address.
pub(crate) struct Links {
    pub(super) stretch: u64,
    pub(super) hearing: Arc<Hearing>,
    pub(super) connections: HashMap<NodeAddress, MultiplexedConnection>,
}

impl Links {
    /// Sends commands over the link to this server, or as it is done without links if there is none.
    ///
    /// When the server's answers are no reason any more to believe that it tells of every change, and when
    /// no server's are, the watcher knows before the caller has an answer. A call is not made a second time
    /// when a link fails: what came of the first one is not known.
    pub(crate) async fn send(&self, node: &Node, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let Some(link) = self.connections.get(node.address()) else {
            self.end();
            return node.send(pipeline).await;
        };
        let mut link = link.clone();
        let answers = link.send_packed_commands(pipeline, 0, pipeline.len()).await;
        // A link that fails has no answers: its ear ends the stretch.
        if answers.iter().flatten().any(is_from_no_primary) {
            self.end();
        }
        answers
    }

    /// Says that a server is going to answer, but not over its link.
    pub(crate) fn expect(&self, node: &Node) {
        if !self.connections.contains_key(node.address()) {
            self.end();
        }
    }

    pub(super) fn watcher(&self) -> &dyn Watcher {
        self.hearing.watcher()
    }

    pub(super) fn end(&self) {
        self.hearing.end(self.stretch);
    }

    /// Waits until all that was sent before has been answered.
    pub(crate) async fn settle(&self) -> RedisResult<()> {
        let pings = self.connections.values().map(async |link| {
            let mut link = link.clone();
            redis::cmd("PING").exec_async(&mut link).await
        });
        try_join_all(pings).await.map(drop)
    }
}

/// What a replica answers, and a server that was cut off from its cluster. One that says who has the key
/// instead is a primary: if the other one is not known yet, that shows when it is asked.
fn is_from_no_primary(answer: &Value) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    match answer {
        Value::ServerError(error) => matches!(
            error.kind(),
            Some(BusyLoading | ClusterDown | MasterDown | ReadOnly)
        ),
        _ => false,
    }
}
