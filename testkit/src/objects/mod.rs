//! Servers of objects, in process: S3 and WebDAV, each over a temporary folder.

mod http_server;
mod s3_server;
mod web_dav_server;

pub use s3_server::S3Server;
pub use web_dav_server::WebDavServer;
