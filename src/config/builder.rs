//! Setting up in code, over the environment and the file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::{Cache, Caches, Codec, Coherence, Compression, handlers, sites};

use super::connect::connect;
use super::environment::Environment;
use super::error::InitError;
use super::file;
use super::mistake::{Mistakes, Place};
use super::nearest::nearest;
use super::plan::{Plan, merged, plan};
use super::setting::{Rank, Said, Setting, Source, Uri};
use super::store::note_shared_keys;

/// Sets up caches in code: start with [`builder`], or with what a file and the environment say
/// ([`Builder::from_env`]). The methods that say something of a cache say it of the default one.
#[derive(Clone, Default)]
pub struct Builder {
    /// A file that is still to be read.
    path: Option<PathBuf>,
    file: Source,
    environment: Source,
    code: Vec<Said>,
    consumer: Option<String>,
    named: Vec<(String, Cache)>,
}

/// Caches set up in code: process memory, until a file or a URL is given.
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
    Builder::default()
}

impl Builder {
    /// What the file and, over it, the environment say, to be changed in code. The file is the one
    /// that `LARDER_CONFIG` names, else `larder.toml` in the working directory, if it is there.
    ///
    /// ```
    /// # fn main() -> Result<(), larder::InitError> {
    /// let caches = larder::Builder::from_env()?.prefix("shop");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InitError::Mistakes`] with everything that cannot be understood.
    pub fn from_env() -> Result<Self, InitError> {
        Self::read(Path::new(""), &Environment::of_process())
    }

    pub(super) fn read(directory: &Path, environment: &Environment) -> Result<Self, InitError> {
        let mut mistakes = Mistakes::default();
        let builder = Self::gather(directory, environment, &mut mistakes);
        if !mistakes.is_empty() {
            // What does not fit together can still be mended in code, unless it ends here.
            builder.plan(&mut mistakes);
        }
        mistakes.into_result()?;
        Ok(builder)
    }

    fn gather(directory: &Path, environment: &Environment, mistakes: &mut Mistakes) -> Self {
        Self {
            file: file::find_and_read(directory, environment, mistakes),
            environment: environment.read(mistakes),
            consumer: environment.consumer(mistakes),
            ..Self::default()
        }
    }

    /// [`from_env`](Self::from_env) and [`install`](Self::install) in one: as no code comes between
    /// them that could give more caches, the mistakes of both are told together.
    pub(crate) async fn init() -> Result<(), InitError> {
        let mut mistakes = Mistakes::default();
        let builder = Self::gather(Path::new(""), &Environment::of_process(), &mut mistakes);
        builder.install_unless(mistakes).await
    }

    /// Reads this file when the caches are built, instead of the one that
    /// [`from_env`](Self::from_env) found. `${VAR}` in it is the environment's; other variables count
    /// only after `from_env`.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::InitError> {
    /// larder::builder().file("config/caches.toml").install().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Source::new();
        self.path = Some(path.into());
        self
    }

    /// Where the default cache keeps its entries: `redis://…`, `rediss://…`, several nodes of a
    /// cluster (`redis://one,two,three`), `redis-sentinel://…`, `memcached://…` or `memory`. Stands in
    /// place of layers that a file gives it.
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Self {
        let url = url.into().trim().to_owned();
        self.say("url", "uri", Setting::Uri(Uri(url)))
    }

    /// The first part of every key in a shared store; `larder` unless set.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.say("prefix", "prefix", Setting::Prefix(prefix.into()))
    }

    /// The second part of every key in a shared store; `v1` unless set.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        self.say("version", "version", Setting::Version(version.into()))
    }

    /// The ttl of functions that name none; 300 seconds unless set. `Duration::MAX` is forever.
    #[must_use]
    pub fn ttl_default(self, ttl: Duration) -> Self {
        self.say("ttl_default", "ttl", Setting::Ttl(ttl))
    }

    /// The ttl `short`; 30 seconds unless set.
    #[must_use]
    pub fn ttl_short(self, ttl: Duration) -> Self {
        self.say("ttl_short", "ttl_short", Setting::TtlShort(ttl))
    }

    /// The ttl `long`; 3,600 seconds unless set.
    #[must_use]
    pub fn ttl_long(self, ttl: Duration) -> Self {
        self.say("ttl_long", "ttl_long", Setting::TtlLong(ttl))
    }

    /// How many entries the default cache may have in process memory; 10,000 unless set.
    #[must_use]
    pub fn max_entries(self, entries: u64) -> Self {
        self.say("max_entries", "max_entries", Setting::MaxEntries(entries))
    }

    /// How values are written to a store; [`Codec::Postcard`] unless set.
    #[must_use]
    pub fn codec(self, codec: Codec) -> Self {
        self.say("codec", "codec", Setting::Codec(codec))
    }

    /// How values of more than `above` bytes are made smaller on their way to a store; not at all
    /// unless set.
    #[must_use]
    pub fn compression(self, compression: Compression, above: usize) -> Self {
        self.say(
            "compression",
            "compression",
            Setting::Compression(compression),
        )
        .say(
            "compression",
            "compress_above",
            Setting::CompressAbove(above),
        )
    }

    /// How process memory above a store learns of what other processes changed;
    /// [`Coherence::Push`] unless set. Has no meaning without layers.
    #[must_use]
    pub fn coherence(self, coherence: Coherence) -> Self {
        self.say("coherence", "coherence", Setting::Coherence(coherence))
    }

    /// How long one call may wait for the store in all; 250 milliseconds unless set.
    #[must_use]
    pub fn time_budget(self, budget: Duration) -> Self {
        self.say("time_budget", "time_budget", Setting::TimeBudget(budget))
    }

    /// After how long a lease ends by itself if its holder is gone; 10 seconds unless set.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.say("lease", "lease", Setting::Lease(lease))
    }

    /// Starts even if the server cannot be reached; until it can, every call loads.
    #[must_use]
    pub fn start_degraded(self, allowed: bool) -> Self {
        self.say(
            "start_degraded",
            "start_degraded",
            Setting::StartDegraded(allowed),
        )
    }

    /// The file of certificates (PEM) to trust for `rediss://`, instead of the system's.
    #[must_use]
    pub fn root_certificates(self, path: impl Into<PathBuf>) -> Self {
        let setting = Setting::RootCertificates(path.into());
        self.say("root_certificates", "root_certificates", setting)
    }

    /// Under which name this process's position in the log of events is kept on the server, so that it
    /// goes on there after a restart: see [`Listen::named`](crate::Listen::named).
    #[must_use]
    pub fn consumer(mut self, name: impl Into<String>) -> Self {
        self.consumer = Some(name.into());
        self
    }

    /// A cache for the functions that say `cache = "name"`, in place of what a file or the
    /// environment says of it.
    #[must_use]
    pub fn cache(mut self, name: impl Into<String>, cache: Cache) -> Self {
        self.named.push((name.into(), cache));
        self
    }

    /// Connects, and gives the caches without installing them.
    ///
    /// # Errors
    /// [`InitError`], except for annotated functions.
    pub async fn build(mut self) -> Result<Caches, InitError> {
        let mut mistakes = Mistakes::default();
        self.read_file(&mut mistakes);
        let plans = self.plan(&mut mistakes);
        mistakes.into_result()?;
        self.open(plans).await
    }

    /// Connects, checks that every annotated function finds its cache, makes these the caches of the
    /// process, warns of what [`check`](crate::check()) finds, and listens to the events of other processes where there are handlers.
    ///
    /// # Errors
    /// [`InitError`].
    pub async fn install(self) -> Result<(), InitError> {
        self.install_unless(Mistakes::default()).await
    }

    async fn install_unless(mut self, mut mistakes: Mistakes) -> Result<(), InitError> {
        self.read_file(&mut mistakes);
        // Else a function may want one of the caches that a mistake has kept from being known.
        if !mistakes.hide_caches() {
            self.note_functions(&mut mistakes);
        }
        let plans = self.plan(&mut mistakes);
        mistakes.into_result()?;
        let consumer = self.consumer.take();
        let caches = self.open(plans).await?;
        let shown = report(&caches);
        caches.install()?;
        crate::init::warn_of_findings();
        crate::events::start(consumer).await;
        tracing::info!(caches = shown, "caches are set up");
        Ok(())
    }

    fn say(mut self, method: &'static str, key: &'static str, setting: Setting) -> Self {
        self.code.retain(|said| said.key != key);
        self.code.push(Said {
            layer: None,
            key,
            word: key,
            setting: Some(setting),
            rank: Rank::Code,
            place: Place::Method(method),
            is_hidden: false,
        });
        self
    }

    fn read_file(&mut self, mistakes: &mut Mistakes) {
        if let Some(path) = self.path.take() {
            self.file = file::read(&path, &Environment::of_process(), mistakes);
        }
    }

    /// What all sources say, by cache.
    pub(super) fn said(&self) -> Source {
        let code = Source::from([("default".to_owned(), self.code.clone())]);
        merged(&self.file, &self.environment, &code)
    }

    fn plan(&self, mistakes: &mut Mistakes) -> Vec<Plan> {
        let mut plans = plan(self.said(), mistakes);
        // What is given in code stands in place of them: their servers are not even asked.
        plans.retain(|plan| self.named.iter().all(|(name, _)| *name != plan.name));
        note_shared_keys(&plans, mistakes);
        plans
    }

    /// Notes the annotated functions whose cache nobody has said anything of.
    fn note_functions(&self, mistakes: &mut Mistakes) {
        let said = self.said();
        let others = said.keys().chain(self.named.iter().map(|(name, _)| name));
        let mut known: Vec<String> = others.filter(|name| *name != "default").cloned().collect();
        known.sort();
        known.dedup();
        known.insert(0, "default".to_owned());
        let functions = sites().map(|site| {
            let place = Place::Function(Some(site.location()), site.function());
            (place, site.cache_name())
        });
        let handlers = handlers().map(|handler| {
            let place = Place::Function(None, handler.function());
            (place, handler.cache_name())
        });
        for (place, name) in functions.chain(handlers) {
            let Some(name) = name.filter(|name| !known.iter().any(|known| known == name)) else {
                continue;
            };
            let hint = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!(": did you mean `{near}`?"),
                None => ";".to_owned(),
            };
            mistakes.note(&place, || {
                let known = known.join(", ");
                format!("there is no cache `{name}`{hint} known: {known}")
            });
        }
    }

    async fn open(self, plans: Vec<Plan>) -> Result<Caches, InitError> {
        let opened = connect(plans).await?.into_iter().chain(self.named);
        let default = Caches::new(Cache::memory());
        Ok(opened.fold(default, |caches, (name, cache)| caches.with(name, cache)))
    }
}

// Output: default: l1 memory + l2 redis://localhost:6379/0, sessions: memory
fn report(caches: &Caches) -> String {
    let caches = caches.iter().map(|(name, cache)| {
        let tiers = cache
            .stats()
            .tiers
            .into_iter()
            .map(|tier| match tier.layer {
                Some(layer) => format!("{layer} {}", tier.name),
                None => tier.name,
            });
        format!("{name}: {}", tiers.collect::<Vec<_>>().join(" + "))
    });
    caches.collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.named.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Builder")
            .field("path", &self.path)
            .field("said", &self.said())
            .field("consumer", &self.consumer)
            .field("named", &names)
            .finish()
    }
}

#[cfg(test)]
impl Builder {
    /// Everything short of connecting.
    pub(super) fn checked(&self) -> Result<(), InitError> {
        let mut mistakes = Mistakes::default();
        self.plan(&mut mistakes);
        mistakes.into_result()
    }

    /// The caches that there would be, and where.
    pub(super) fn plans(&self) -> String {
        use super::plan::Kept;

        let plans = self.plan(&mut Mistakes::default());
        let shown = plans.iter().map(|plan| {
            let kept = match &plan.kept {
                Kept::Memory => "memory".to_owned(),
                Kept::Nowhere => "off".to_owned(),
                Kept::Store(store) => store.name().to_owned(),
                Kept::Layers(layers) => {
                    let each = layers.iter().map(|layer| {
                        let store = layer.store.as_ref().map_or("memory", |store| store.name());
                        format!("{} {store}", layer.name)
                    });
                    each.collect::<Vec<_>>().join(" + ")
                }
            };
            format!("{}: {kept}", plan.name)
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}
