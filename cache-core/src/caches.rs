//! Which cache a function uses: the task's own, the installed ones, or process memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::Error;
use crate::cache::Cache;
use crate::event::handlers;
use crate::site::sites;
use crate::store::Nonce;

/// What the cache is called that functions use unless they name another one.
pub(crate) const DEFAULT: &str = "default";

/// The caches of a process or of a task: a default one, and any number with names. Cloning is cheap
/// and shares them.
///
/// ```
/// use larder::{Cache, Caches};
///
/// let caches = Caches::new(Cache::memory()).with("sessions", Cache::memory());
/// assert!(caches.named("sessions").is_ok());
///
/// let error = caches.named("session").unwrap_err();
/// assert_eq!(error.to_string(), "there is no cache `session`; known: default, sessions");
/// ```
#[derive(Debug, Clone)]
pub struct Caches {
    default: Cache,
    named: Arc<BTreeMap<String, Cache>>,
    /// Whether every name leads to the default cache: before `init`, and where a test gives one.
    any_name: bool,
    /// As which process events are emitted and heard, where it is not this one.
    origin: Option<Nonce>,
}

impl Caches {
    /// Caches of which only the default one exists so far.
    #[must_use]
    pub fn new(default: Cache) -> Self {
        Self {
            default,
            named: Arc::default(),
            any_name: false,
            origin: None,
        }
    }

    /// One cache under every name.
    #[must_use]
    pub fn single(cache: Cache) -> Self {
        Self {
            any_name: true,
            ..Self::new(cache)
        }
    }

    /// Adds a cache that functions ask for with `cache = "name"`; `"default"` is the default one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, cache: Cache) -> Self {
        match name.into() {
            name if name == DEFAULT => self.default = cache,
            name => {
                Arc::make_mut(&mut self.named).insert(name, cache);
            }
        }
        self
    }

    /// Emits and hears events as if these caches were those of another process, so that a test can be
    /// several.
    #[doc(hidden)]
    #[must_use]
    pub fn as_another_process(mut self) -> Self {
        self.origin = Some(Nonce::random());
        self
    }

    /// Under what name this process appends events: its listeners skip what comes from itself.
    pub(crate) fn origin(&self) -> Nonce {
        static PROCESS: OnceLock<Nonce> = OnceLock::new();
        self.origin
            .unwrap_or_else(|| *PROCESS.get_or_init(Nonce::random))
    }

    /// The cache of functions that ask for none by name.
    #[must_use]
    pub fn default_cache(&self) -> &Cache {
        &self.default
    }

    /// The cache called `name`; `"default"` is the default one.
    ///
    /// # Errors
    /// [`Error::UnknownCache`], which lists the names there are.
    pub fn named(&self, name: &str) -> Result<&Cache, Error> {
        match self.named.get(name) {
            Some(cache) => Ok(cache),
            None if self.any_name || name == DEFAULT => Ok(&self.default),
            None => Err(Error::UnknownCache {
                name: name.to_owned(),
                wanted_by: None,
                known: self.names().map(str::to_owned).collect(),
            }),
        }
    }

    /// The names of the caches, `default` first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The caches with their names, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Cache)> {
        let named = self
            .named
            .iter()
            .map(|(name, cache)| (name.as_str(), cache));
        std::iter::once((DEFAULT, &self.default)).chain(named)
    }

    /// Checks that every annotated function of this program finds its cache here.
    ///
    /// # Errors
    /// [`Error::UnknownCache`] for the first one that does not.
    pub fn check(&self) -> Result<(), Error> {
        for site in sites() {
            if let Some(name) = site.cache_name() {
                self.named(name).map_err(|error| site.wanting(error))?;
            }
        }
        for handler in handlers() {
            if let Some(name) = handler.cache_name() {
                self.named(name)
                    .map_err(|error| error.wanted_by(handler.function()))?;
            }
        }
        Ok(())
    }

    /// Makes these the caches of the process. Once, before annotated functions are called.
    ///
    /// It does not [listen](crate::listen()) to the events of other processes, as `larder::init()`
    /// does.
    ///
    /// # Errors
    /// [`Error::UnknownCache`] where a function's cache is missing, and [`Error::AlreadyInstalled`].
    pub fn install(self) -> Result<(), Error> {
        self.check()?;
        INSTALLED.set(self).map_err(|_| Error::AlreadyInstalled)
    }

    /// Whether every one of them is a cache of the process, under whatever name.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        let is_one = |cache: &Cache| {
            INSTALLED
                .get()
                .is_some_and(|caches| caches.iter().any(|(_, one)| one.is(cache)))
        };
        self.iter().all(|(_, cache)| is_one(cache))
    }

    /// Waits until every cache has [settled](Cache::settle), for at most `limit` together: what a
    /// process does last, so that no invalidation and no event ends with it.
    ///
    /// What is left when the time is up is still retried for as long as the process lives, and so it
    /// is when this is cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{Cache, Caches};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Unsettled> {
    /// let caches = Caches::new(Cache::memory());
    /// // .. the service runs, and is told to stop ..
    /// caches.settle(Duration::from_secs(10)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Unsettled`], with the invalidations and events that the stores have not taken, and the loads that
    /// have not ended.
    pub async fn settle(&self, limit: Duration) -> Result<(), Unsettled> {
        let all = futures_util::future::join_all(self.iter().map(|(_, cache)| cache.settle()));
        if tokio::time::timeout(limit, all).await.is_ok() {
            return Ok(());
        }
        let left = |queued: fn(&Cache) -> u64| {
            let each = self
                .iter()
                .map(|(name, cache)| (name.to_owned(), queued(cache)));
            each.filter(|(_, queued)| *queued > 0).collect()
        };
        Err(Unsettled {
            limit,
            queued: left(|cache| cache.stats().queued_invalidations),
            queued_events: left(|cache| cache.bus().map_or(0, |bus| bus.queued() as u64)),
            loads: left(|cache| cache.loads_in_background() as u64),
        })
    }

    /// Runs `future` with these caches instead of the installed ones, so that tests can run in
    /// parallel, each with a cache of its own. The override belongs to the task: give it along to
    /// what the task spawns.
    ///
    /// ```
    /// use larder::{Cache, Caches};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// Caches::single(Cache::memory()).scope(async {
    ///     // annotated functions that are called here use that cache
    /// }).await;
    /// # }
    /// ```
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        ANY_SCOPE.store(true, Ordering::Release);
        SCOPED.scope(self, future).await
    }

    /// [`scope`](Self::scope) for what does not wait: runs `f` with these caches instead of the
    /// installed ones.
    ///
    /// ```
    /// use larder::{Cache, Caches};
    ///
    /// let caches = Caches::new(Cache::memory()).with("sessions", Cache::memory());
    /// caches.sync_scope(|| assert!(Caches::current().named("sessions").is_ok()));
    /// ```
    pub fn sync_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        ANY_SCOPE.store(true, Ordering::Release);
        SCOPED.sync_scope(self.clone(), f)
    }

    /// The caches that annotated functions use here and now.
    #[must_use]
    pub fn current() -> Self {
        scoped(Self::clone).unwrap_or_else(|| installed_or_memory().clone())
    }
}

impl From<Cache> for Caches {
    fn from(cache: Cache) -> Self {
        Self::single(cache)
    }
}

/// What was left when [`Caches::settle`] ran out of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the caches did not settle within {limit:?}{}{}{}",
    of_each("; invalidations that no store has taken", .queued),
    of_each("; events that no log has taken", .queued_events),
    of_each("; loads in the background that have not ended", .loads)
)]
#[non_exhaustive]
pub struct Unsettled {
    /// The time that they had.
    pub limit: Duration,
    /// The caches whose stores have not taken every invalidation, each with the number of those left.
    pub queued: Vec<(String, u64)>,
    /// The caches whose stores have not taken every event, each with the number of those left.
    pub queued_events: Vec<(String, u64)>,
    /// The caches of which loads in the background have not ended, each with their number.
    pub loads: Vec<(String, u64)>,
}

fn of_each(what: &str, queued: &[(String, u64)]) -> String {
    let each = queued
        .iter()
        .map(|(name, queued)| format!("{queued} of `{name}`"));
    match each.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        some => format!("{what}: {some}"),
    }
}

static INSTALLED: OnceLock<Caches> = OnceLock::new();

/// Whether any task ever had caches of its own; until then a hit need not ask its task.
static ANY_SCOPE: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static SCOPED: Caches;
}

/// A task's own caches, to be given along to what it spawns. Without any there is nothing to give: the
/// installed ones are found faster where no task has its own.
#[derive(Debug, Clone)]
pub(crate) struct Along(Option<Caches>);

impl Along {
    pub(crate) fn here() -> Self {
        Self(scoped(Caches::clone))
    }

    pub(crate) fn with(caches: Caches) -> Self {
        ANY_SCOPE.store(true, Ordering::Release);
        Self(Some(caches))
    }

    pub(crate) async fn scope<F: Future>(self, future: F) -> F::Output {
        match self.0 {
            Some(caches) => SCOPED.scope(caches, future).await,
            None => future.await,
        }
    }
}

/// The cache that a function found.
#[derive(Debug)]
pub(crate) enum Home {
    Installed(&'static Cache),
    Scoped(Cache),
}

impl Deref for Home {
    type Target = Cache;

    #[inline]
    fn deref(&self) -> &Cache {
        match self {
            Self::Installed(cache) => cache,
            Self::Scoped(cache) => cache,
        }
    }
}

#[inline]
pub(crate) fn any_scope() -> bool {
    ANY_SCOPE.load(Ordering::Acquire)
}

pub(crate) fn is_installed() -> bool {
    INSTALLED.get().is_some()
}

/// The task's own caches, else the installed ones; `None` where nobody has said yet which there are.
pub(crate) fn configured() -> Option<Caches> {
    scoped(Caches::clone).or_else(|| INSTALLED.get().cloned())
}

pub(crate) fn find(name: Option<&str>) -> Result<Home, Error> {
    let own = scoped(|caches| match name {
        Some(name) => caches.named(name).cloned(),
        None => Ok(caches.default.clone()),
    });
    if let Some(cache) = own {
        return cache.map(Home::Scoped);
    }
    let caches = installed_or_memory();
    match name {
        Some(name) => caches.named(name).map(Home::Installed),
        None => Ok(Home::Installed(&caches.default)),
    }
}

/// What `of` makes of the task's own caches, if it has some.
fn scoped<T>(of: impl FnOnce(&Caches) -> T) -> Option<T> {
    if !any_scope() {
        return None;
    }
    SCOPED.try_with(of).ok()
}

fn installed_or_memory() -> &'static Caches {
    static MEMORY: OnceLock<Caches> = OnceLock::new();
    INSTALLED.get().unwrap_or_else(|| {
        MEMORY.get_or_init(|| {
            tracing::warn!(
                "a cached function was called before `larder::init()`: it uses process memory"
            );
            Caches::single(Cache::memory())
        })
    })
}
