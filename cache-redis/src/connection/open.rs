//! Connections as addresses say.

use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, RedisResult};

use super::{Acknowledgement, Connection, Source};
use crate::address::Address;
use crate::connect::{CONNECT_WITHIN, SILENCE};
use crate::tls::{Tls, choose_crypto};

impl Connection {
    /// To what the address says. Nothing is connected before it is used.
    pub(crate) fn open(
        address: &Address,
        tls: &Tls,
        acknowledgement: Option<Acknowledgement>,
    ) -> RedisResult<Self> {
        if address.has_tls() {
            choose_crypto();
        }
        let settled = |server: &ConnectionInfo| tls.apply(server.clone().set_tcp_settings(tcp()));
        match address {
            Address::Server(server) => Self::single(settled(server)?, acknowledgement),
            Address::Cluster(servers) => {
                let seeds: Vec<_> = servers.iter().map(settled).collect::<RedisResult<_>>()?;
                let mut client = ClusterClientBuilder::new(servers.clone())
                    .connection_timeout(CONNECT_WITHIN)
                    .tcp_settings(tcp());
                if let Some(certificates) = tls.given() {
                    client = client.certs(certificates);
                }
                let client = Box::new(client.build()?);
                Ok(Self::found(
                    Source::Cluster { seeds, client },
                    acknowledgement,
                ))
            }
            Address::Sentinels {
                sentinels,
                login,
                primary,
                server,
            } => {
                let kind = SentinelServerType::Master;
                let mut client = SentinelClientBuilder::new(sentinels.clone(), primary, kind)?
                    .set_client_to_redis_db(server.db())
                    .set_client_to_redis_protocol(server.protocol())
                    .set_client_to_redis_tcp_settings(tcp())
                    .set_client_to_sentinel_tcp_settings(tcp());
                if let Some(user) = server.username() {
                    client = client.set_client_to_redis_username(user);
                }
                if let Some(password) = server.password() {
                    client = client.set_client_to_redis_password(password);
                }
                if let Some(user) = login.username() {
                    client = client.set_client_to_sentinel_username(user);
                }
                if let Some(password) = login.password() {
                    client = client.set_client_to_sentinel_password(password);
                }
                // The servers are reached as the sentinels are.
                if let Some(ConnectionAddr::TcpTls { insecure, .. }) = sentinels.first() {
                    client = client.set_client_to_redis_tls_mode(if *insecure {
                        redis::TlsMode::Insecure
                    } else {
                        redis::TlsMode::Secure
                    });
                }
                if let Some(certificates) = tls.given() {
                    client = client
                        .set_client_to_redis_certificates(certificates.clone())
                        .set_client_to_sentinel_certificates(certificates);
                }
                let client = tokio::sync::Mutex::new(client.build()?);
                Ok(Self::found(
                    Source::Sentinels(Box::new(client)),
                    acknowledgement,
                ))
            }
        }
    }
}

fn tcp() -> TcpSettings {
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let tcp = tcp.set_user_timeout(SILENCE);
    tcp
}
