//! Real servers on loopback ports, and a proxy that breaks connections to them, for the tests of larder.
//!
//! [`RedisServer`] runs the installed `redis-server` in a temporary folder, [`MemcachedServer`] the installed
//! `memcached`; [`FaultProxy`] stands in front of a port, injects faults and counts round trips. With the feature
//! `objects`, `S3Server` and `WebDavServer` serve S3 and WebDAV from a temporary folder. All end when they are
//! dropped, also when the test panics.
//! Whatever goes wrong here fails the test that asked for it: these types panic instead of returning errors.
//!
//! ```no_run
//! # async fn example() {
//! use larder_testkit::{Fault, FaultProxy, RedisServer};
//!
//! let server = RedisServer::builder().append_only().start().await;
//! let proxy = FaultProxy::start(server.port()).await;
//! // ... connect to proxy.url() ...
//! proxy.set(Fault::Blackhole);
//! // ... nothing arrives any more ...
//! proxy.set(Fault::None);
//! server.kill();
//! server.restart().await;
//! # }
//! ```

mod fault_proxy;
mod folder;
mod link;
mod memcached_server;
#[cfg(feature = "objects")]
mod objects;
mod port;
mod process;
mod redis_builder;
mod redis_cluster;
mod redis_server;
mod redis_site;
mod sentinels;
mod tls;

pub use fault_proxy::{Fault, FaultProxy};
pub use folder::Folder;
pub use memcached_server::MemcachedServer;
#[cfg(feature = "objects")]
pub use objects::{S3Server, WebDavServer};
pub use process::Process;
pub use redis_builder::RedisServerBuilder;
pub use redis_cluster::RedisCluster;
pub use redis_server::RedisServer;
pub use sentinels::Sentinels;
