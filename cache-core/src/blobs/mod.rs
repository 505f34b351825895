//! Stores of blobs: a name, some bytes, and a put that compares. Memcached, a folder of files and a
//! bucket of objects are all of this kind.
//!
//! Whoever implements [`Blobs`] has a [`Store`](crate::Store): leases, fills and generations are done
//! here, each as a loop of reading a blob, deciding what it should be, and putting that unless
//! something else turned up.

mod change;
mod generation_step;
mod slot_step;
mod step;
mod store;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::StoreError;
use crate::key::Pattern;
use crate::store::{Capabilities, Family, Scan};

/// A store of blobs with compare-and-set.
///
/// # Contract
/// - **Atomicity.** `put` compares and sets one blob in one step. Nothing spans two blobs.
/// - **Order.** A call that starts after another returned sees its effects.
/// - **Versions.** Blobs with different bytes never had the same version under one name, not even when
///   one was deleted, or the server started again, before the other was put. Equal bytes may have equal
///   versions.
/// - **Loss.** A blob may be forgotten at any time: full memory, a restart.
/// - **Time.** A blob is kept for as long as its ttl says, if it is not forgotten. It may be kept, and
///   given, for longer: readers look at the times in the bytes.
/// - **Cancelling.** Dropping a call's future leaves each blob as it was or as it would have become.
/// - **Errors.** An error says nothing about whether the effect took place. A call does not retry by
///   itself, and need not limit its own time.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Mutex, PoisonError};
/// use std::time::Duration;
///
/// use larder_core::blobs::{Blob, Blobs, Name, When};
/// use larder_core::store::Capabilities;
/// use larder_core::{Cache, StoreError};
///
/// /// Blobs in a map, each with the number of the put that it comes from.
/// #[derive(Debug, Default)]
/// struct Map(Mutex<(u64, HashMap<String, (u64, Vec<u8>)>)>);
///
/// fn place(name: &Name<'_>) -> String {
///     match name {
///         Name::Slot(key) => format!("slot {key}"),
///         Name::Generation(scope) => format!("generation {scope}"),
///     }
/// }
///
/// #[async_trait::async_trait]
/// impl Blobs for Map {
///     type Version = u64;
///
///     fn name(&self) -> &str {
///         "map"
///     }
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::default()
///     }
///     async fn get(&self, names: &[Name<'_>]) -> Result<Vec<Option<Blob<u64>>>, StoreError> {
///         let (_, map) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let blob = |(version, bytes): &(u64, Vec<u8>)| Blob {
///             bytes: bytes.clone(),
///             version: *version,
///             left: None,
///         };
///         Ok(names.iter().map(|name| map.get(&place(name)).map(blob)).collect())
///     }
///     async fn put(
///         &self,
///         name: Name<'_>,
///         bytes: &[u8],
///         when: When<u64>,
///         _ttl: Option<Duration>,
///     ) -> Result<bool, StoreError> {
///         let (puts, map) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let there = map.get(&place(&name)).map(|(version, _)| *version);
///         let is_met = match when {
///             When::Anything => true,
///             When::Absent => there.is_none(),
///             When::Is(version) => there == Some(version),
///         };
///         if is_met {
///             *puts += 1;
///             map.insert(place(&name), (*puts, bytes.to_vec()));
///         }
///         Ok(is_met)
///     }
///     async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
///         let (_, map) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         for name in names {
///             map.remove(&place(name));
///         }
///         Ok(())
///     }
///     async fn ping(&self) -> Result<(), StoreError> {
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder_core::Error> {
/// let cache = Cache::builder().store(Map::default()).build();
/// cache.set("answer", &42).tags(["answers"]).await?;
/// assert_eq!(cache.get("answer").await?, Some(42));
/// cache.invalidate_tags(["answers"]).await?;
/// assert_eq!(cache.get::<i32>("answer").await?, None);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Blobs: fmt::Debug + Send + Sync + 'static {
    /// What a compare-and-set compares.
    type Version: Clone + fmt::Debug + Send + Sync;

    /// A name for people: the kind and address, never a password.
    fn name(&self) -> &str;

    /// Whether it can [list](Self::list) (`scan`), and whether it cannot compare (`copies_only`). The
    /// rest of them is added.
    fn capabilities(&self) -> Capabilities;

    /// The blobs of these names, in their order, in as few round trips as can be.
    async fn get(&self, names: &[Name<'_>])
    -> Result<Vec<Option<Blob<Self::Version>>>, StoreError>;

    /// Puts a blob, if what `when` says is there; `false`: something else is. It is kept for `ttl` at
    /// least, or forever. With `copies_only` it is asked for [`When::Anything`] alone.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for more bytes than a blob can have. What was there may be gone then.
    async fn put(
        &self,
        name: Name<'_>,
        bytes: &[u8],
        when: When<Self::Version>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError>;

    /// Deletes the blobs of these names, whatever is in them. Those that are not there are no error.
    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError>;

    /// Some of the names of a family, as [`Store::scan`](crate::Store::scan) says.
    async fn list(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let _ = (family, pattern, cursor, about);
        Err(StoreError::Unsupported {
            store: self.name().to_owned(),
            operation: "going through its keys",
        })
    }

    /// The client's own connection, for what this trait does not have.
    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        None
    }

    /// Answers if the store can be used.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What a blob is called. The two kinds are kept apart: a slot and a generation may share a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name<'a> {
    /// The slot of this qualified key.
    Slot(&'a str),
    /// The generation of this scope.
    Generation(&'a str),
}

/// What must be there for a blob to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When<V> {
    /// Whatever there is.
    Anything,
    /// No blob: what [`Blobs::get`] gives as `None`.
    Absent,
    /// The blob of this version.
    Is(V),
}

/// A blob as it was found.
#[derive(Debug, Clone)]
pub struct Blob<V> {
    /// Its bytes. They are not trusted.
    pub bytes: Vec<u8>,
    /// What a put of something else is compared with.
    pub version: V,
    /// About how long it will still be kept: what it was put with, less the time since then. `None`:
    /// forever. It is put again with this ttl when only a lease on it changes, and a generation that
    /// has less than its entries need is put again with more.
    pub left: Option<Duration>,
}
