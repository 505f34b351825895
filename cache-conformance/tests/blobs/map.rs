// Blobs in a map, each with the number of the put that it comes from.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::blobs::{Blob, Blobs, Name, When};
use larder_core::store::{Capabilities, Family, OWN_SCOPE, Scan};
use larder_core::{Pattern, StoreError};

/// A handle on a part of the map.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    space: Arc<Mutex<Space>>,
}

#[derive(Debug, Default)]
struct Space {
    puts: u64,
    blobs: BTreeMap<String, (u64, Vec<u8>)>,
}

impl Map {
    /// The part of the map called `space`.
    pub(crate) fn open(space: &str) -> Self {
        static SPACES: LazyLock<Mutex<HashMap<String, Arc<Mutex<Space>>>>> =
            LazyLock::new(Mutex::default);
        let mut spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            space: Arc::clone(spaces.entry(space.to_owned()).or_default()),
        }
    }

    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(name: &Name<'_>) -> String {
    match name {
        Name::Slot(key) => format!("slot {key}"),
        Name::Generation(scope) => format!("generation {scope}"),
    }
}

#[async_trait::async_trait]
impl Blobs for Map {
    type Version = u64;

    fn name(&self) -> &str {
        "map"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities
    }

    async fn get(&self, names: &[Name<'_>]) -> Result<Vec<Option<Blob<u64>>>, StoreError> {
        // Others come in between, as with a server.
        tokio::task::yield_now().await;
        let space = self.space();
        let blob = |(version, bytes): &(u64, Vec<u8>)| Blob {
            bytes: bytes.clone(),
            version: *version,
            // Nothing is ever evicted here.
            left: None,
        };
        Ok(names
            .iter()
            .map(|name| space.blobs.get(&place(name)).map(blob))
            .collect())
    }

    async fn put(
        &self,
        name: Name<'_>,
        bytes: &[u8],
        when: When<u64>,
        _ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        let mut space = self.space();
        let there = space.blobs.get(&place(&name)).map(|(version, _)| *version);
        let is_met = match when {
            When::Anything => true,
            When::Absent => there.is_none(),
            When::Is(version) => there == Some(version),
        };
        if is_met {
            space.puts += 1;
            let blob = (space.puts, bytes.to_vec());
            space.blobs.insert(place(&name), blob);
        }
        Ok(is_met)
    }

    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut space = self.space();
        for name in names {
            space.blobs.remove(&place(name));
        }
        Ok(())
    }

    async fn list(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        tokio::task::yield_now().await;
        let beginning = match family {
            Family::Slots => place(&Name::Slot("")),
            Family::OwnScopes => place(&Name::Generation(OWN_SCOPE)),
        };
        let space = self.space();
        let names = space.blobs.range(beginning.clone()..);
        let keys: Vec<String> = names
            .map_while(|(name, _)| name.strip_prefix(&beginning))
            .filter(|key| cursor.is_none_or(|cursor| *key > cursor))
            .filter(|key| key.starts_with(pattern.qualifier()))
            .take(about.max(1))
            .map(str::to_owned)
            .collect();
        let next = keys.last().cloned();
        Ok(Scan { keys, next })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
