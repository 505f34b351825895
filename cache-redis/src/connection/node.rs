//! One server.

use std::fmt;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::aio::{ConnectionLike as _, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::NodeAddress;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, Pipeline, ProtocolVersion,
    RedisResult, Value,
};

use crate::connect::CONNECT_WITHIN;
use crate::scripts::Scripts;

/// A server and the connections to it, which are made when they are first used, and again when they broke.
pub(crate) struct Node {
    address: NodeAddress,
    client: Client,
    connection: ConnectionManager,
    /// For commands that wait for replicas: whoever comes after them on the same connection waits, too.
    apart: Option<ConnectionManager>,
}

impl Node {
    pub(super) fn new(server: ConnectionInfo, has_apart: bool) -> RedisResult<Self> {
        // A socket is no address that another server could name.
        let address = NodeAddress::try_from(server.addr());
        let address = address.unwrap_or_else(|_| NodeAddress::new("socket", 0));
        let client = Client::open(server)?;
        Ok(Self {
            address,
            connection: manager(&client)?,
            apart: has_apart.then(|| manager(&client)).transpose()?,
            client,
        })
    }

    /// A server at another address, with the same user and certificates.
    pub(super) fn like(
        server: &ConnectionInfo,
        at: &NodeAddress,
        has_apart: bool,
    ) -> RedisResult<Self> {
        let (host, port) = (at.host().to_owned(), at.port());
        let addr = match server.addr().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Self::new(server.clone().set_addr(addr), has_apart)
    }

    pub(crate) fn address(&self) -> &NodeAddress {
        &self.address
    }

    /// Sends commands to this server.
    pub(crate) async fn send(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let mut connection = self.connection.clone();
        connection
            .req_packed_commands(pipeline, 0, pipeline.len())
            .await
    }

    /// Sends commands that may wait.
    pub(super) async fn send_apart(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let mut connection = self.apart.as_ref().unwrap_or(&self.connection).clone();
        connection
            .req_packed_commands(pipeline, 0, pipeline.len())
            .await
    }

    /// Tells the server the scripts.
    pub(super) async fn load(&self, scripts: &Scripts) -> RedisResult<()> {
        scripts.load(&self.connection).await
    }

    /// A connection of its own, for a command that waits.
    pub(super) async fn dedicated(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None);
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    /// A link: a connection of its own on which the server may speak unasked, to `ear`.
    pub(crate) async fn link(
        &self,
        ear: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        let info = self.client.get_connection_info().clone();
        let settings = info.redis_settings().clone();
        let settings = settings.set_protocol(ProtocolVersion::RESP3);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None)
            .set_push_sender(ear);
        Client::open(info.set_redis_settings(settings))?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    pub(crate) fn manager(&self) -> ConnectionManager {
        self.connection.clone()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.address).finish()
    }
}

fn manager(client: &Client) -> RedisResult<ConnectionManager> {
    // No retries inside a call: one that meets a dead server fails at once, and the next one tries again.
    // No response timeout: the caller has a time budget.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(None);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
