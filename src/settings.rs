//! Settings: from the environment or in code, to caches.

use std::fmt;
use std::time::Duration;

use larder_core::{Cache, Caches, Error, Ttls};

/// Sets up caches in code, with the environment's names and defaults: start with [`builder`].
#[derive(Clone)]
pub struct Builder {
    url: Option<String>,
    prefix: String,
    version: String,
    ttls: Ttls,
    max_entries: u64,
    time_budget: Duration,
    start_degraded: bool,
    consumer: Option<String>,
    named: Vec<(String, Cache)>,
}

/// Caches set up in code: process memory, until a URL is given.
///
/// ```
/// use std::time::Duration;
/// use larder::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::InitError> {
/// larder::builder()
///     .ttl_default(Duration::from_secs(60))
///     .cache("sessions", Cache::builder().max_entries(1_000).build())
///     .install()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn builder() -> Builder {
    Builder {
        url: None,
        prefix: "larder".to_owned(),
        version: "v1".to_owned(),
        ttls: Ttls::default(),
        max_entries: 10_000,
        time_budget: Duration::from_millis(250),
        start_degraded: false,
        consumer: None,
        named: Vec::new(),
    }
}

impl Builder {
    /// What the environment says, to be changed in code.
    ///
    /// # Errors
    /// [`InitError::Environment`] with every variable that cannot be understood.
    pub fn from_env() -> Result<Self, InitError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InitError> {
        // An empty variable is one that is not set, as container set-ups write it.
        let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let mut settings = builder();
        let mut mistakes = Vec::new();
        settings.url = variable("CACHE_URL").or_else(|| {
            let url = variable("REDIS_URL")?;
            if cfg!(feature = "redis") {
                return Some(url);
            }
            // It is also other libraries' variable, so it does not ask for what is not there.
            tracing::warn!("REDIS_URL is set, but larder's feature `redis` is off: it is ignored");
            None
        });
        if let Some(prefix) = variable("CACHE_PREFIX") {
            settings.prefix = prefix;
        }
        if let Some(version) = variable("CACHE_VERSION") {
            settings.version = version;
        }
        for (name, ttl) in [
            ("CACHE_TTL_DEFAULT", &mut settings.ttls.default),
            ("CACHE_TTL_SHORT", &mut settings.ttls.short),
            ("CACHE_TTL_LONG", &mut settings.ttls.long),
        ] {
            match variable(name).map(|text| text.trim().parse::<u64>()) {
                None => {}
                Some(Ok(seconds)) if seconds > 0 => *ttl = Duration::from_secs(seconds),
                Some(_) => mistakes.push(format!("{name} must be a number of seconds above zero")),
            }
        }
        settings.consumer = variable("CACHE_CONSUMER");
        match variable("CACHE_START_DEGRADED").as_deref().map(str::trim) {
            None | Some("false" | "0") => {}
            Some("true" | "1") => settings.start_degraded = true,
            Some(_) => mistakes.push("CACHE_START_DEGRADED must be `true` or `false`".to_owned()),
        }
        if mistakes.is_empty() {
            Ok(settings)
        } else {
            Err(InitError::Environment(mistakes))
        }
    }

    /// Where the default cache keeps its entries: `redis://…`, `rediss://…` or `memory`.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The first part of every key in a shared store; `larder` unless set.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The second part of every key in a shared store; `v1` unless set.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The ttl of functions that name none; 300 seconds unless set.
    #[must_use]
    pub fn ttl_default(mut self, ttl: Duration) -> Self {
        self.ttls.default = ttl;
        self
    }

    /// The ttl `short`; 30 seconds unless set.
    #[must_use]
    pub fn ttl_short(mut self, ttl: Duration) -> Self {
        self.ttls.short = ttl;
        self
    }

    /// The ttl `long`; 3,600 seconds unless set.
    #[must_use]
    pub fn ttl_long(mut self, ttl: Duration) -> Self {
        self.ttls.long = ttl;
        self
    }

    /// How many entries the default cache may have in process memory; 10,000 unless set.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = entries;
        self
    }

    /// How long one call may wait for the store in all; 250 milliseconds unless set.
    #[must_use]
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.time_budget = budget;
        self
    }

    /// Starts even if the server cannot be reached; until it can, every call loads.
    #[must_use]
    pub fn start_degraded(mut self, allowed: bool) -> Self {
        self.start_degraded = allowed;
        self
    }

    /// Under which name this process's position in the log of events is kept on the server, so that it
    /// goes on there after a restart: see [`Listen::named`](crate::Listen::named).
    #[must_use]
    pub fn consumer(mut self, name: impl Into<String>) -> Self {
        self.consumer = Some(name.into());
        self
    }

    /// A cache for the functions that say `cache = "name"`.
    #[must_use]
    pub fn cache(mut self, name: impl Into<String>, cache: Cache) -> Self {
        self.named.push((name.into(), cache));
        self
    }

    /// Connects, and gives the caches without installing them.
    ///
    /// # Errors
    /// [`InitError`], except for annotated functions.
    pub async fn build(self) -> Result<Caches, InitError> {
        let cache = Cache::builder()
            .ttls(self.ttls)
            .max_entries(self.max_entries)
            .time_budget(self.time_budget);
        let default = match self.url.as_deref().map(str::trim) {
            None | Some("memory" | "memory://") => cache.build(),
            Some(url) => match url.split(':').next() {
                Some("redis" | "rediss" | "redis+unix" | "unix") => self.redis(url, cache).await?,
                _ => {
                    return Err(InitError::UnknownStore {
                        scheme: scheme(url),
                    });
                }
            },
        };
        if self.start_degraded
            && let Err(error) = default.ping().await
        {
            tracing::warn!(%error, "starting without the store: until it is there, every call loads");
        }
        let caches = Caches::new(default);
        Ok(self
            .named
            .into_iter()
            .fold(caches, |caches, (name, cache)| caches.with(name, cache)))
    }

    /// Connects, checks that every annotated function finds its cache, makes these the caches of the
    /// process, and listens to the events of other processes where there are handlers.
    ///
    /// # Errors
    /// [`InitError`].
    pub async fn install(mut self) -> Result<(), InitError> {
        let consumer = self.consumer.take();
        let caches = self.build().await?;
        let default = caches.default_cache().clone();
        caches.install()?;
        crate::events::start(consumer).await;
        tracing::info!(?default, "caches are set up");
        Ok(())
    }

    #[cfg(feature = "redis")]
    async fn redis(&self, url: &str, cache: larder_core::CacheBuilder) -> Result<Cache, InitError> {
        let store = larder_redis::RedisStore::builder(url)
            .prefix(&self.prefix)
            .version(&self.version)
            .start_degraded(self.start_degraded)
            .connect()
            .await?;
        Ok(cache.store(store).build())
    }

    #[cfg(not(feature = "redis"))]
    #[allow(
        clippy::unused_async,
        reason = "the same signature as with the feature"
    )]
    async fn redis(&self, url: &str, _: larder_core::CacheBuilder) -> Result<Cache, InitError> {
        Err(InitError::NotCompiledIn {
            scheme: scheme(url),
            feature: "redis",
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the URL: it may have a password in it.
        f.debug_struct("Builder")
            .field("prefix", &self.prefix)
            .field("version", &self.version)
            .field("ttls", &self.ttls)
            .finish_non_exhaustive()
    }
}

/// What may be shown of a URL that is not understood: what stands before its `://`.
fn scheme(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://"),
        None => "no scheme".to_owned(),
    }
}

/// Why the caches could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Variables of the environment cannot be understood; all of them are listed.
    #[error("{}", .0.join("; "))]
    Environment(Vec<String>),
    /// The URL names a store that there is none of.
    #[error(
        "the cache's URL begins with {scheme}, which is no store: use `redis://`, `rediss://` or `memory`"
    )]
    UnknownStore {
        /// What the URL begins with.
        scheme: String,
    },
    /// The store is there, but not compiled in.
    #[error(
        "{scheme} needs the feature `{feature}`: larder = {{ version = \"…\", features = [\"{feature}\"] }}"
    )]
    NotCompiledIn {
        /// What the URL begins with.
        scheme: String,
        /// The feature of the crate `larder`.
        feature: &'static str,
    },
    /// The Redis server could not be used.
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] larder_redis::ConnectError),
    /// An annotated function does not find its cache, or the caches are already set up.
    #[error(transparent)]
    Caches(#[from] Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Builder, InitError> {
        Builder::from_variables(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn an_empty_environment_means_process_memory() {
        let settings = from(&[("CACHE_URL", "")]).expect("it is understood");
        assert_eq!(settings.url, None);
        assert_eq!(settings.prefix, "larder");
        assert_eq!(settings.version, "v1");
        assert_eq!(settings.ttls, Ttls::default());
    }

    #[test]
    fn every_variable_counts() {
        let settings = from(&[
            ("CACHE_URL", "redis://one"),
            ("REDIS_URL", "redis://two"),
            ("CACHE_PREFIX", "shop"),
            ("CACHE_VERSION", "v2"),
            ("CACHE_TTL_DEFAULT", "60"),
            ("CACHE_TTL_SHORT", "5"),
            ("CACHE_TTL_LONG", "7200"),
            ("CACHE_START_DEGRADED", "true"),
            ("CACHE_CONSUMER", "worker-1"),
        ])
        .expect("it is understood");
        assert_eq!(settings.url.as_deref(), Some("redis://one"));
        assert_eq!(settings.prefix, "shop");
        assert_eq!(settings.version, "v2");
        assert_eq!(settings.ttls.default, Duration::from_secs(60));
        assert_eq!(settings.ttls.short, Duration::from_secs(5));
        assert_eq!(settings.ttls.long, Duration::from_secs(7_200));
        assert!(settings.start_degraded);
        assert_eq!(settings.consumer.as_deref(), Some("worker-1"));
        let settings = from(&[("REDIS_URL", "redis://two")]).expect("it is understood");
        let expected = cfg!(feature = "redis").then_some("redis://two");
        assert_eq!(settings.url.as_deref(), expected);
    }

    #[test]
    fn mistakes_are_reported_all_at_once() {
        let error = from(&[
            ("CACHE_TTL_DEFAULT", "0"),
            ("CACHE_TTL_LONG", "an hour"),
            ("CACHE_START_DEGRADED", "perhaps"),
        ])
        .expect_err("three mistakes");
        assert_eq!(
            error.to_string(),
            "CACHE_TTL_DEFAULT must be a number of seconds above zero; \
             CACHE_TTL_LONG must be a number of seconds above zero; \
             CACHE_START_DEGRADED must be `true` or `false`"
        );
    }

    #[test]
    fn debug_does_not_show_the_url() {
        let settings = builder().url("redis://ada:hunter2@localhost");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
