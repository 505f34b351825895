//! A primary with a replica, and sentinels that watch them.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::redis_builder::Role;
use crate::redis_cluster::until;
use crate::{RedisServer, RedisServerBuilder};

const AGREE_LIMIT: Duration = Duration::from_secs(30);

/// Three sentinels, a primary called `mymaster` and its replica, on 127.0.0.1. A primary that is silent for
/// 300 ms is replaced. Dropping them ends all.
pub struct Sentinels {
    sentinels: Vec<RedisServer>,
    servers: [RedisServer; 2],
}

impl Sentinels {
    /// What the sentinels call the primary.
    pub const PRIMARY: &'static str = "mymaster";

    /// Starts all, and waits until the sentinels know each other and the replica.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or they do not come up.
    pub async fn start() -> Self {
        Self::start_with(RedisServer::builder(), RedisServer::builder()).await
    }

    /// Starts servers with the first options, of which the sentinels learn the password, and sentinels with the
    /// second.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or they do not come up.
    pub async fn start_with(server: RedisServerBuilder, mut sentinel: RedisServerBuilder) -> Self {
        let (primary, server) = (server.clone().start().await, server);
        let port = primary.port().to_string();
        let follows = format!("127.0.0.1 {port}");
        let replica = server.clone().arg("replicaof", follows).start().await;

        sentinel.role = Role::Sentinel;
        let name = Self::PRIMARY;
        sentinel = sentinel
            .arg("sentinel monitor", format!("{name} 127.0.0.1 {port} 2"))
            .arg("sentinel down-after-milliseconds", format!("{name} 300"))
            .arg("sentinel failover-timeout", format!("{name} 3000"));
        let sentinel = server.watched_by(sentinel, name);
        let mut starting = JoinSet::new();
        for _ in 0..3 {
            starting.spawn(sentinel.clone().start());
        }
        let all = Self {
            sentinels: starting.join_all().await,
            servers: [primary, replica],
        };
        all.until_known().await;
        all
    }

    async fn until_known(&self) {
        until(AGREE_LIMIT, "the sentinels know each other", async || {
            for sentinel in &self.sentinels {
                let known = sentinel.ask(&["SENTINEL", "MASTER", Self::PRIMARY]).await;
                let words: Vec<&str> = known.lines().collect();
                let count = |what: &str| {
                    let at = words.iter().position(|word| *word == what)?;
                    words.get(at + 1)?.parse::<usize>().ok()
                };
                if count("num-other-sentinels") != Some(2) || count("num-slaves") != Some(1) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// `redis+sentinel://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/mymaster/0`, with the servers' credentials.
    pub fn url(&self) -> String {
        let user = self.servers[0].site.builder.url_user_info();
        let scheme = if self.servers[0].site.certificates.is_some() {
            "rediss+sentinel"
        } else {
            "redis+sentinel"
        };
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
            .collect();
        format!("{scheme}://{user}{}/{}/0", hosts.join(","), Self::PRIMARY)
    }

    /// The sentinels.
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The server that began as the primary, and the one that began as its replica.
    pub fn servers(&self) -> &[RedisServer; 2] {
        &self.servers
    }

    /// Waits until all sentinels name this server as the primary, and it is one.
    ///
    /// # Panics
    /// When they do not.
    pub async fn until_primary(&self, server: usize) {
        let server = &self.servers[server];
        until(AGREE_LIMIT, "the sentinels agree", async || {
            for sentinel in &self.sentinels {
                let address = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::PRIMARY];
                if !sentinel
                    .ask(&address)
                    .await
                    .ends_with(&server.port().to_string())
                {
                    return false;
                }
            }
            server.ask(&["ROLE"]).await.starts_with("master")
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_killed_primary_is_replaced() {
        let all = Sentinels::start().await;
        all.servers()[0].kill();
        all.until_primary(1).await;
    }
}
