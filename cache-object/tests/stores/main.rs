//! What is particular to each of the stores: what the list of named checks does not ask.

mod file;
mod http;
mod s3;
