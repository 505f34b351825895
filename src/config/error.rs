//! Why the caches could not be set up.

use std::fmt;

use larder_core::{Error, LayerName};

use super::mistake::Mistake;

/// Why the caches could not be set up.
///
/// `Debug` shows the same lines as `Display`, because that is what `main` prints when it returns an
/// error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Mistakes in the file, the environment or the builder, and annotated functions that want a
    /// cache that there is not: all of them, one a line.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Mistake>),
    /// Stores that could not be used: all of them, one a line.
    #[error("{}", lines(.0))]
    Stores(Vec<StoreFailure>),
    /// The caches are already set up.
    #[error(transparent)]
    Caches(#[from] Error),
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A cache whose store could not be used when the process started.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub struct StoreFailure {
    /// The cache's name.
    pub cache: String,
    /// Which of its layers it is; `None` for a cache without layers.
    pub layer: Option<LayerName>,
    /// What happened, without anything secret.
    pub reason: String,
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cache `{}`", self.cache)?;
        if let Some(layer) = self.layer {
            write!(f, ", layer `{layer}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

fn lines<T: fmt::Display>(items: &[T]) -> String {
    let lines: Vec<String> = items.iter().map(T::to_string).collect();
    lines.join("\n")
}
