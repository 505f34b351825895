//! S3, local files and HTTP as stores.
