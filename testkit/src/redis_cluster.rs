//! A Redis Cluster of one's own.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::redis_builder::Role;
use crate::{RedisServer, RedisServerBuilder};

/// How long the cluster may take to agree on something. It takes two seconds at most; a loaded machine takes
/// longer.
const AGREE_LIMIT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How many hash slots a cluster has.
const SLOTS: u16 = 16_384;

/// Three primaries, each with a replica, on 127.0.0.1.
///
/// Node `i + 3` begins as the replica of node `i`. Dropping the cluster ends it.
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// How many primaries there are.
    pub const PRIMARIES: usize = 3;

    /// Starts a cluster without further options and waits until every node serves.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or the nodes do not come up.
    pub async fn start() -> Self {
        Self::start_with(RedisServer::builder()).await
    }

    /// Starts a cluster whose nodes have these options; with TLS, they share an authority.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or the nodes do not come up.
    pub async fn start_with(mut node: RedisServerBuilder) -> Self {
        node.role = Role::Node;
        let mut starting = JoinSet::new();
        for _ in 0..2 * Self::PRIMARIES {
            starting.spawn(node.clone().start());
        }
        let cluster = Self {
            nodes: starting.join_all().await,
        };
        cluster.found().await;
        cluster
    }

    /// Gives each primary its slots, makes the nodes known to each other, and tells the replicas whose they are.
    async fn found(&self) {
        for (i, node) in self.primaries().iter().enumerate() {
            let (i, of) = (i as u16, Self::PRIMARIES as u16);
            let (first, end) = (
                SLOTS / of * i,
                if i + 1 == of {
                    SLOTS
                } else {
                    SLOTS / of * (i + 1)
                },
            );
            expect_ok(
                node,
                &[
                    "CLUSTER",
                    "ADDSLOTSRANGE",
                    &first.to_string(),
                    &(end - 1).to_string(),
                ],
            )
            .await;
            expect_ok(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(i + 1).to_string()]).await;
        }
        let first = &self.nodes[0];
        for node in &self.nodes[1..] {
            let bus = node.site.bus.as_ref().expect("a node has a bus").number();
            let meet = [
                "CLUSTER",
                "MEET",
                "127.0.0.1",
                &node.port().to_string(),
                &bus.to_string(),
            ];
            expect_ok(first, &meet).await;
        }
        self.until("every node knows every other", async || {
            for node in &self.nodes {
                let known = node.ask(&["CLUSTER", "NODES"]).await;
                let is_known =
                    |line: &str| line.contains("connected") && !line.contains("handshake");
                if known.lines().filter(|line| is_known(line)).count() < self.nodes.len() {
                    return false;
                }
            }
            true
        })
        .await;
        for (primary, replica) in self.primaries().iter().zip(&self.nodes[Self::PRIMARIES..]) {
            let id = primary.ask(&["CLUSTER", "MYID"]).await;
            expect_ok(replica, &["CLUSTER", "REPLICATE", &id]).await;
        }
        self.until_whole().await;
    }

    /// The URL with the three first primaries in it: `redis://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/0`.
    pub fn url(&self) -> String {
        let urls = self.urls();
        let (scheme, _) = urls[0].split_once("127.0.0.1").expect("a loopback address");
        let hosts: Vec<String> = self
            .primaries()
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()))
            .collect();
        format!("{scheme}{}/0", hosts.join(","))
    }

    /// The URLs of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The nodes: first those that began as primaries, then their replicas in the same order.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes that began as primaries.
    pub fn primaries(&self) -> &[RedisServer] {
        &self.nodes[..Self::PRIMARIES]
    }

    /// The slot of a key.
    ///
    /// # Panics
    /// When no node answers.
    pub async fn slot_of(&self, key: &str) -> u16 {
        let slot = self.alive().ask(&["CLUSTER", "KEYSLOT", key]).await;
        slot.parse().expect("a slot")
    }

    /// Which node is the primary of a slot, as a living node sees it.
    ///
    /// # Panics
    /// When no node answers, or the slot has no primary.
    pub async fn primary_of(&self, slot: u16) -> usize {
        let known = self.alive().ask(&["CLUSTER", "NODES"]).await;
        let line = primary_of(&known, &slot.to_string()).expect("the slot has a primary");
        let at = |node: &RedisServer| line.contains(&format!("127.0.0.1:{}@", node.port()));
        let node = self.nodes.iter().position(at);
        node.expect("the primary is a node of this cluster")
    }

    /// Begins to move a slot: keys that are not at `from` any more are asked for at `to`.
    ///
    /// # Panics
    /// When a node refuses.
    pub async fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        let (source, target) = (
            from.ask(&["CLUSTER", "MYID"]).await,
            to.ask(&["CLUSTER", "MYID"]).await,
        );
        let slot = &slot.to_string();
        expect_ok(to, &["CLUSTER", "SETSLOT", slot, "IMPORTING", &source]).await;
        expect_ok(from, &["CLUSTER", "SETSLOT", slot, "MIGRATING", &target]).await;
    }

    /// Moves the keys of a slot that are there now.
    ///
    /// # Panics
    /// When a node refuses.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = self.nodes[from]
                .ask(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "100"])
                .await;
            let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                return;
            }
            let login = self.nodes[from].site.builder.migrating_user();
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000"];
            migrate.extend(login.iter().map(String::as_str));
            migrate.push("KEYS");
            migrate.extend(keys);
            let answer = self.nodes[from].ask(&migrate).await;
            // A key that is gone meanwhile needs no moving.
            assert!(matches!(&*answer, "OK" | "NOKEY"), "{answer}");
        }
    }

    /// Ends the move of a slot whose keys have moved.
    ///
    /// # Panics
    /// When a node refuses.
    pub async fn end_move(&self, slot: u16, from: usize, to: usize) {
        let target = self.nodes[to].ask(&["CLUSTER", "MYID"]).await;
        let slot = slot.to_string();
        let end = ["CLUSTER", "SETSLOT", &slot, "NODE", &target];
        for node in [to, from] {
            expect_ok(&self.nodes[node], &end).await;
        }
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            self.until("every node knows that the slot has moved", async || {
                let slots = node.ask(&["CLUSTER", "NODES"]).await;
                primary_of(&slots, &slot).is_some_and(|line| line.starts_with(&target))
            })
            .await;
        }
    }

    /// Makes the replica `node` the primary, with the primary's consent, and waits until it is.
    ///
    /// # Panics
    /// When it does not become one.
    pub async fn fail_over_to(&self, node: usize) {
        let replica = &self.nodes[node];
        expect_ok(replica, &["CLUSTER", "FAILOVER"]).await;
        self.until_primary(node).await;
    }

    /// Waits until `node` is a primary.
    ///
    /// # Panics
    /// When it does not become one.
    pub async fn until_primary(&self, node: usize) {
        let replica = &self.nodes[node];
        self.until("the replica has taken over", async || {
            replica.ask(&["ROLE"]).await.starts_with("master")
        })
        .await;
    }

    /// Waits until every node that runs serves every slot, and every replica of theirs follows its primary.
    ///
    /// # Panics
    /// When they do not come to it.
    pub async fn until_whole(&self) {
        self.until("every node serves", async || {
            for node in self.nodes.iter().filter(|node| node.is_running()) {
                if !node
                    .ask(&["CLUSTER", "INFO"])
                    .await
                    .contains("cluster_state:ok")
                {
                    return false;
                }
                let role = node.ask(&["ROLE"]).await;
                if role.starts_with("slave") && !role.contains("connected") {
                    return false;
                }
            }
            true
        })
        .await;
    }

    fn alive(&self) -> &RedisServer {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.is_running()).expect("a node runs")
    }

    /// Asks again and again until something is so that the cluster comes to by itself; `what` is said if it does
    /// not.
    ///
    /// # Panics
    /// When it does not come to it.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        until(AGREE_LIMIT, what, is_so).await;
    }
}

/// The line of the primary of a slot, in the answer to `CLUSTER NODES`.
fn primary_of<'n>(nodes: &'n str, slot: &str) -> Option<&'n str> {
    let slot: u16 = slot.parse().ok()?;
    let has = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let range = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
        range.is_some_and(|(first, last)| (first..=last).contains(&slot))
    };
    nodes.lines().find(|line| {
        line.contains("master") && !line.contains("fail") && line.split(' ').skip(8).any(has)
    })
}

/// Asks again and again until it is so.
pub(crate) async fn until(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited for {limit:?}: {what}");
        // Real time, also in a test whose own clock stands still.
        crate::process::blocking(|| std::thread::sleep(POLL_INTERVAL)).await;
    }
}

async fn expect_ok(node: &RedisServer, command: &[&str]) {
    let answer = node.ask(command).await;
    assert_eq!(answer, "OK", "{}", command.join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn serves_every_slot_and_survives_the_loss_of_a_primary() {
        let cluster = RedisCluster::start().await;
        let slot = cluster.slot_of("key").await;
        let primary = cluster.primary_of(slot).await;
        assert!(primary < RedisCluster::PRIMARIES);
        cluster.nodes()[primary].kill();
        cluster.until_primary(primary + 3).await;
        cluster.until_whole().await;
        assert_eq!(cluster.primary_of(slot).await, primary + 3);
    }

    #[tokio::test]
    async fn moves_a_slot() {
        let cluster = RedisCluster::start().await;
        let slot = cluster.slot_of("key").await;
        let from = cluster.primary_of(slot).await;
        let to = (from + 1) % RedisCluster::PRIMARIES;
        assert_eq!(
            cluster.nodes()[from].ask(&["SET", "key", "value"]).await,
            "OK"
        );
        cluster.begin_move(slot, from, to).await;
        cluster.move_keys(slot, from, to).await;
        cluster.end_move(slot, from, to).await;
        assert_eq!(cluster.primary_of(slot).await, to);
        assert_eq!(cluster.nodes()[to].ask(&["GET", "key"]).await, "value");
    }
}
