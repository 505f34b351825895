//! S3, local files and HTTP as stores of [larder](https://docs.rs/larder).
//!
//! Applications use them through the facade, `larder`, with its features `s3`, `file` and `http`.

mod address;
mod blob;
mod connector;
mod error;
mod failure;
mod file;
mod http;
mod keyspace;
mod objects;
mod place;
mod s3;
mod settings;

pub use object_store;

pub use crate::error::ConnectError;
pub use crate::file::{FileStore, FileStoreBuilder};
pub use crate::http::{HttpStore, HttpStoreBuilder};
pub use crate::s3::{S3Store, S3StoreBuilder};
