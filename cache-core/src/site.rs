//! Annotated functions: each registers itself before `main` runs.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::cache::Cache;
use crate::caches::{self, Home};
use crate::graph::{Declaration, Templates};
use crate::spec::Layers;
use crate::stats::{Counters, Stats};

/// Whether a function reads through the cache or writes past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `#[cache_read]`
    Read,
    /// `#[cache_write]`
    Write,
}

/// One annotated function: its name, its templates and its counters.
#[derive(Debug)]
pub struct Site {
    role: Role,
    declared: Declaration,
    templates: Templates,
    cache: Option<&'static str>,
    layers: Layers,
    counters: Counters,
    /// The installed cache that the function uses, once it is known: a hit must not look it up.
    home: OnceLock<&'static Cache>,
    complained: AtomicBool,
}

impl Site {
    /// A function called by its whole path, as in `shop::users::get_user`. Where `new` is called is
    /// where the function is said to be.
    #[must_use]
    #[track_caller]
    pub const fn new(role: Role, function: &'static str) -> Self {
        Self {
            role,
            declared: Declaration::here(function),
            templates: Templates::new(),
            cache: None,
            layers: Layers::All,
            counters: Counters::new(),
            home: OnceLock::new(),
            complained: AtomicBool::new(false),
        }
    }

    /// With what its attribute says of keys and tags.
    #[doc(hidden)]
    #[must_use]
    pub const fn with(mut self, templates: Templates) -> Self {
        self.templates = templates;
        self
    }

    /// With the named cache that the function wants.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// In these layers of its cache.
    #[must_use]
    pub const fn layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }

    /// Whether the function reads or writes.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The function's whole path.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.declared.name
    }

    /// The file and line of the function's attribute.
    #[must_use]
    pub fn location(&self) -> (&'static str, u32) {
        (self.declared.file, self.declared.line)
    }

    /// The key's template, where the attribute has one.
    #[must_use]
    pub fn key_template(&self) -> Option<&'static str> {
        self.templates.key
    }

    /// The tags' templates, where the attribute has some.
    #[must_use]
    pub fn tag_templates(&self) -> &'static [&'static str] {
        self.templates.tags
    }

    /// The named cache that the function wants; `None` for the default one.
    #[must_use]
    pub fn cache_name(&self) -> Option<&'static str> {
        self.cache
    }

    /// Which layers of its cache the function uses.
    #[must_use]
    pub fn used_layers(&self) -> Layers {
        self.layers
    }

    /// What this function's lookups and loads did, over all caches.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    pub(crate) fn declared(&self) -> Declaration {
        self.declared
    }

    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The cache that the function uses here and now: the task's own, else the installed one, else
    /// process memory.
    #[inline]
    pub(crate) fn home(&self) -> Result<Home, Error> {
        if !caches::any_scope()
            && let Some(cache) = self.home.get()
        {
            return Ok(Home::Installed(cache));
        }
        self.find_home()
    }

    #[cold]
    fn find_home(&self) -> Result<Home, Error> {
        let found = caches::find(self.cache).map_err(|error| self.wanting(error));
        match &found {
            Ok(Home::Installed(cache)) if caches::is_installed() && !caches::any_scope() => {
                let _ = self.home.set(cache);
            }
            Err(error) => self.complain(error),
            Ok(_) => {}
        }
        found
    }

    /// Says once why the function runs uncached.
    #[cold]
    pub(crate) fn complain(&self, error: &Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, function = self.function(), "the function runs uncached");
        }
    }

    pub(crate) fn wanting(&self, error: Error) -> Error {
        error.wanted_by(self.function())
    }
}

/// How an annotated function is known before `main`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registration(pub &'static Site);

inventory::collect!(Registration);

/// Every annotated function that is linked into this program, in no particular order.
///
/// ```
/// for site in larder::sites() {
///     println!("{}: {:?}", site.function(), site.stats());
/// }
/// ```
pub fn sites() -> impl Iterator<Item = &'static Site> {
    inventory::iter::<Registration>
        .into_iter()
        .map(|registration| registration.0)
}
