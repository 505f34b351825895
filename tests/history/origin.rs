//! The truth: how often each item was changed, on a server of its own.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};

use crate::record::{Item, Version};

/// Clones share a connection.
#[derive(Clone)]
pub(crate) struct Origin(MultiplexedConnection);

impl Origin {
    pub(crate) async fn at(url: &str) -> Self {
        let client = Client::open(url).expect("it is a URL");
        // Nothing happens to this server, but the machine may be busy.
        let patient = AsyncConnectionConfig::new()
            .set_response_timeout(Some(Duration::from_secs(30)))
            .set_connection_timeout(Some(Duration::from_secs(30)));
        let connection = client.get_multiplexed_async_connection_with_config(&patient);
        Self(connection.await.expect("the origin is there"))
    }

    pub(crate) async fn read(&self, item: Item) -> Version {
        let version: Option<Version> = self.ask("GET", item).await;
        version.unwrap_or(0)
    }

    /// Changes an item; the version that it has from now on.
    pub(crate) async fn change(&self, item: Item) -> Version {
        self.ask("INCR", item).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &str, item: Item) -> T {
        let mut connection = self.0.clone();
        let mut asked = redis::cmd(command);
        asked.arg(format!("item:{item}"));
        asked
            .query_async(&mut connection)
            .await
            .expect("the origin answers")
    }
}
