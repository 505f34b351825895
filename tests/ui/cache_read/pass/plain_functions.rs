//! Functions that are not `async`, whose companions are not either.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use larder::cache_read;
use std::sync::Arc;

/// Neither `Serialize` nor `Deserialize`.
#[derive(Clone)]
pub struct Pattern(Arc<str>);

/// Reads it.
#[cache_read(key = "pattern:{text}", ttl = "5m", tags = ["patterns"], cache_if = |pattern| !pattern.0.is_empty())]
pub fn pattern(text: &str) -> Result<Pattern, std::fmt::Error> {
    Ok(Pattern(text.into()))
}

/// Of any value.
#[cache_read]
pub fn same<T: Clone + Send + Sync + serde::Serialize + 'static>(value: T) -> Option<T> {
    Some(value)
}

fn main() {
    assert!(pattern("a").is_ok());
    assert_eq!(same(1), same(1));
    pattern::invalidate("a").unwrap();
    assert!(pattern::peek("a").unwrap().is_none());
    pattern::prime("a", &Pattern("a".into())).unwrap();
    assert!(pattern::refresh("a").is_ok());
}
