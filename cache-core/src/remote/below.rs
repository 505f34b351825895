//! What is below process memory: one store, or several as one.

use std::sync::Arc;
use std::time::Duration;

use super::OwnChanges;
use crate::cache::Above;
use crate::layer::LayerSet;
use crate::store::Store;
use crate::tier::{Guarded, Stack};

#[derive(Debug)]
pub(crate) enum Below {
    One(Guarded),
    Stack(Stack),
}

impl Below {
    /// The store, as process memory above it must use it.
    pub(crate) fn store(&self, above: Option<&Arc<Above>>, layers: LayerSet) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = match self {
            Self::One(store) => Arc::new(store.clone()),
            Self::Stack(stack) => Arc::new(stack.only(layers)),
        };
        match above {
            Some(above) => Arc::new(OwnChanges::new(store, Arc::clone(above))),
            None => store,
        }
    }

    /// The stores one by one, from the fastest to the slowest.
    pub(crate) fn stores(&self) -> Vec<Guarded> {
        match self {
            Self::One(store) => vec![store.clone()],
            Self::Stack(stack) => stack.stores().cloned().collect(),
        }
    }

    /// How long one lookup may take, whatever it asks.
    pub(super) fn budget(&self) -> Duration {
        match self {
            Self::One(store) => store.time_budget(),
            Self::Stack(stack) => stack.time_budget(),
        }
    }
}
