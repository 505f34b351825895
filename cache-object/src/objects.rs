//! Blobs as objects: what S3 and HTTP have in common.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use larder_core::blobs::{Blob, Name};
use larder_core::store::Scan;
use larder_core::{Clock, StoreError};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
};

use crate::blob::{self, FIXED, Head, LONGEST_NAME, Peeked};
use crate::failure::{failed, has_answered};
use crate::keyspace::{GENERATIONS, Keyspace, Range, SLOTS, folder};
use crate::place;

/// How many requests of one call are under way at once.
const AT_ONCE: usize = 16;

/// How many objects are asked for at once when all are gone through.
const PAGE: usize = 1_000;

/// How many bytes of an object are read when only its head is wanted. The names of most are shorter.
const PEEKED: usize = 1_024;

/// A server that can list its objects.
#[async_trait]
pub(crate) trait Listed: ObjectStore {
    /// About so many of the objects in `folder` (which ends with a slash) that begin like this, in the
    /// order of their names, behind `after`.
    async fn page(
        &self,
        folder: &str,
        beginning: &str,
        after: Option<&str>,
        about: usize,
    ) -> object_store::Result<Page>;
}

/// Some objects of a folder.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// What they are called, without the folder.
    pub(crate) objects: Vec<String>,
    /// Whether there are more.
    pub(crate) has_more: bool,
}

/// The objects of a page that may be ours, and where the page ends if there are more.
struct OurPage {
    ours: Vec<String>,
    next: Option<String>,
}

/// The blobs of one prefix and version on a server.
#[derive(Debug)]
pub(crate) struct Objects<O> {
    pub(crate) server: O,
    pub(crate) name: Arc<str>,
    base: Arc<str>,
    clock: Clock,
    max_entry_size: u64,
}

/// How long an object of ours is at most.
pub(crate) fn longest_object(max_entry_size: u64) -> u64 {
    max_entry_size.saturating_add((FIXED + LONGEST_NAME) as u64)
}

impl<O: Listed> Objects<O> {
    pub(crate) fn new(
        server: O,
        name: String,
        keyspace: &Keyspace,
        clock: Clock,
        max_entry_size: u64,
    ) -> Self {
        Self {
            server,
            name: name.into(),
            base: keyspace.base().into(),
            clock,
            max_entry_size,
        }
    }

    /// The blobs of these names, each with its ETag as the version.
    pub(crate) async fn get(
        &self,
        names: &[Name<'_>],
    ) -> Result<Vec<Option<Blob<Option<String>>>>, StoreError> {
        // Boxed, because the compiler cannot see that futures that borrow names can be sent.
        let gets: Vec<_> = names
            .iter()
            .map(|&name| Box::pin(self.get_one(name)))
            .collect();
        stream::iter(gets).buffered(AT_ONCE).try_collect().await
    }

    async fn get_one(&self, name: Name<'_>) -> Result<Option<Blob<Option<String>>>, StoreError> {
        let found = match self.server.get(&self.path(name)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let version = found.meta.e_tag.clone();
        // What is longer is none of ours, and is not read.
        let bytes = if found.meta.size <= longest_object(self.max_entry_size) {
            found.bytes().await.map_err(|error| self.failed(&error))?
        } else {
            Bytes::new()
        };
        // What cannot be read has no content, and is replaced by whoever puts something there.
        let opened = blob::open(name, bytes.into());
        Ok(Some(Blob {
            left: opened
                .as_ref()
                .and_then(|opened| opened.left(self.clock.now())),
            bytes: opened.map(|opened| opened.content).unwrap_or_default(),
            version,
        }))
    }

    /// Puts a blob; `false` if the server says that something else is there.
    pub(crate) async fn put(
        &self,
        name: Name<'_>,
        content: &[u8],
        mode: PutMode,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        self.check_size(name, content)?;
        let ends_at = blob::end_of(ttl, self.clock.now());
        let bytes = blob::seal(name, content, ends_at);
        let is_conditional = !matches!(mode, PutMode::Overwrite);
        let path = self.path(name);
        let options = PutOptions::from(mode);
        match self.server.put_opts(&path, bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) if is_conditional => {
                Ok(false)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Deletes blobs, each by a request of its own: not every server takes many in one.
    pub(crate) async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        let paths: Vec<Path> = names.iter().map(|&name| self.path(name)).collect();
        self.delete_objects(paths).await
    }

    /// The keys in a range, as [`Blobs::list`](larder_core::blobs::Blobs::list) gives them.
    pub(crate) async fn list(
        &self,
        range: &Range,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        if cursor.is_some_and(|cursor| !place::is_object(cursor)) {
            return Err(StoreError::Cursor {
                store: self.name.to_string(),
            });
        }
        let beginning = place::beginning(&range.beginning);
        let mut after = cursor.map(str::to_owned);
        let page = loop {
            let page = self.page(range.folder, &beginning, after, about).await?;
            // Whatever else lies there was not put there by us, and gives no place to go on at.
            if !page.ours.is_empty() || page.next.is_none() {
                break page;
            }
            after = page.next;
        };
        let next = page.ours.last().filter(|_| page.next.is_some()).cloned();
        let names: Vec<_> = page
            .ours
            .into_iter()
            .map(|object| Box::pin(self.name_of(range.folder, object)))
            .collect();
        let names: Vec<Option<String>> =
            stream::iter(names).buffered(AT_ONCE).try_collect().await?;
        Ok(Scan {
            keys: names
                .into_iter()
                .flatten()
                .filter_map(|name| range.key(name))
                .collect(),
            next,
        })
    }

    /// Deletes every blob whose time is over. How many.
    pub(crate) async fn cleanup_expired(&self) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for folder in [SLOTS, GENERATIONS] {
            let mut after: Option<String> = None;
            loop {
                let page = self.page(folder, "", after, PAGE).await?;
                let ended: Vec<_> = page
                    .ours
                    .into_iter()
                    .map(|object| Box::pin(self.delete_ended(folder, object)))
                    .collect();
                let ended: Vec<bool> = stream::iter(ended).buffered(AT_ONCE).try_collect().await?;
                deleted += ended.into_iter().map(u64::from).sum::<u64>();
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    /// Servers cannot compare when they delete. What somebody puts between the look and the delete is
    /// lost, as anything may be that is in a store: it costs a load.
    async fn delete_ended(&self, folder: &str, object: String) -> Result<bool, StoreError> {
        let path = self.path_in(folder, &object);
        let has_ended = match self.head(&path).await? {
            Some(head) => head.has_ended(self.clock.now()),
            None => false,
        };
        if has_ended {
            self.delete_objects(vec![path]).await?;
        }
        Ok(has_ended)
    }

    /// The key or scope of an object: from what it is called, or from its head.
    async fn name_of(&self, folder: &str, object: String) -> Result<Option<String>, StoreError> {
        if let Some(name) = place::text(&object) {
            return Ok(Some(name));
        }
        let head = self.head(&self.path_in(folder, &object)).await?;
        Ok(head.map(|head| head.name))
    }

    /// The head of an object; `None` for what is not there, or none of ours.
    async fn head(&self, path: &Path) -> Result<Option<Head>, StoreError> {
        let mut wanted = PEEKED;
        loop {
            let options = GetOptions {
                range: Some(GetRange::Bounded(0..wanted as u64)),
                ..GetOptions::default()
            };
            let found = match self.server.get_opts(path, options).await {
                // The server knows no ranges.
                Err(Error::NotSupported { .. }) => self.server.get(path).await,
                found => found,
            };
            let bytes = match found {
                Ok(found) => found.bytes().await.map_err(|error| self.failed(&error))?,
                Err(Error::NotFound { .. }) => return Ok(None),
                // There is nothing in it.
                Err(error) if has_answered(&error, 416) => return Ok(None),
                Err(error) => return Err(self.failed(&error)),
            };
            match blob::peek(&bytes) {
                Peeked::Head(head) => return Ok(Some(head)),
                Peeked::Needs(more) if more > wanted => wanted = more,
                _ => return Ok(None),
            }
        }
    }

    async fn delete_objects(&self, paths: Vec<Path>) -> Result<(), StoreError> {
        let deletes = paths.into_iter().map(|path| async move {
            match self.server.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        });
        let deletes: Vec<_> = deletes.collect();
        let mut deletes = stream::iter(deletes).buffer_unordered(AT_ONCE);
        // One that fails does not keep the others from being deleted.
        let mut failure = None;
        while let Some(deleted) = deletes.next().await {
            failure = failure.or(deleted.err());
        }
        match failure {
            None => Ok(()),
            Some(error) => Err(self.failed(&error)),
        }
    }

    async fn page(
        &self,
        folder: &str,
        beginning: &str,
        after: Option<String>,
        about: usize,
    ) -> Result<OurPage, StoreError> {
        let folder = format!("{}/{folder}/", self.base);
        let about = about.clamp(1, PAGE);
        let page = self
            .server
            .page(&folder, beginning, after.as_deref(), about);
        let mut page = page.await.map_err(|error| self.failed(&error))?;
        let next = page.objects.last().filter(|_| page.has_more).cloned();
        page.objects.retain(|object| place::is_object(object));
        Ok(OurPage {
            ours: page.objects,
            next,
        })
    }

    fn check_size(&self, name: Name<'_>, content: &[u8]) -> Result<(), StoreError> {
        let too_large = |size: usize, limit| {
            Err(StoreError::TooLarge {
                store: self.name.to_string(),
                size: size as u64,
                limit,
            })
        };
        if content.len() as u64 > self.max_entry_size {
            return too_large(content.len(), self.max_entry_size);
        }
        match blob::text(name).len() {
            length if length > LONGEST_NAME => too_large(length, LONGEST_NAME as u64),
            _ => Ok(()),
        }
    }

    fn path(&self, name: Name<'_>) -> Path {
        self.path_in(folder(name), &place::object(blob::text(name)))
    }

    fn path_in(&self, folder: &str, object: &str) -> Path {
        Path::from_iter(self.base.split('/').chain([folder, object]))
    }

    pub(crate) fn failed(&self, error: &Error) -> StoreError {
        failed(&self.name, error)
    }
}
