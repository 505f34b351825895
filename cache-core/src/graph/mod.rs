//! The graph that only macros can see: which function reads what, and who invalidates it.
//!
//! Every annotated function, handler, rule and resource registers its templates (`templates`,
//! `declared`). `named` resolves what they refer to, and `model` is the whole, in which names are
//! compared as `pattern`s; `check` looks for mistakes in it, `text` and `mermaid` show it.

mod check;
mod declared;
mod finding;
mod mermaid;
mod model;
mod name;
mod named;
mod pattern;
mod report;
mod resolve;
mod suggestion;
mod templates;
mod text;

pub use self::declared::ResourceRegistration;
pub use self::declared::{ByHand, ByHandRegistration, Declaration, Entry, Resource};
pub use self::finding::Finding;
pub use self::report::{Report, Unseen};
pub use self::suggestion::Suggestion;
pub use self::templates::{Code, Kept, Templates, ValueType, value_type};
use crate::caches;
use crate::event::{Handler, handlers};
use crate::site::{Site, sites};

/// What is declared in a program: annotated functions, what events invalidate, resources, and what is
/// done by hand (`by_hand!`).
///
/// It displays as text, sorted by names, and [as Mermaid](Self::mermaid) in a page or a review.
///
/// ```
/// use larder::{Graph, cache_read, cache_write};
///
/// #[cache_read(key = "user:{id}", tags = ["users"])]
/// async fn get_user(id: u64) -> String { format!("user {id}") }
///
/// #[cache_write(tags = ["users"])]
/// async fn import() {}
///
/// let graph = Graph::of_program();
/// assert!(graph.to_string().contains("user:{id}"));
/// assert!(graph.mermaid().starts_with("flowchart LR"));
/// assert!(graph.check().is_clean());
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    sites: Vec<&'static Site>,
    handlers: Vec<&'static Handler>,
    resources: Vec<&'static Resource>,
    by_hand: Vec<&'static ByHand>,
}

impl Graph {
    /// Everything that is linked into this program.
    #[must_use]
    pub fn of_program() -> Self {
        let resources = inventory::iter::<ResourceRegistration>.into_iter();
        let by_hand = inventory::iter::<ByHandRegistration>.into_iter();
        Self {
            sites: sites().collect(),
            handlers: handlers().collect(),
            resources: resources.map(|registration| registration.0).collect(),
            by_hand: by_hand.map(|registration| registration.0).collect(),
        }
    }

    /// What of it is declared in this module, or below it: `shop::users`. A library's tests look at the
    /// library alone, where a program links others.
    #[must_use]
    pub fn within(mut self, module: &str) -> Self {
        self.sites.retain(|site| site.declared().is_within(module));
        self.handlers
            .retain(|handler| handler.declared().is_within(module));
        self.resources
            .retain(|resource| resource.declared.is_within(module));
        self.by_hand
            .retain(|by_hand| by_hand.declared.is_within(module));
        self
    }

    /// Looks for mistakes between the declarations, and, once caches are installed (or in the scope of
    /// some), for caches that are not among them. It compares all declarations with each other.
    #[must_use]
    pub fn check(&self) -> Report {
        check::check(self, caches::configured().as_ref())
    }
}

/// Looks for mistakes that no function shows by itself: a tag that nobody invalidates or nobody
/// carries, keys that two functions share for values of different types, entries of resources that
/// nobody reads. [`Finding`] lists the kinds.
///
/// `larder::init()` and `install` do the same, and warn of each finding. A test keeps a program free of
/// them:
///
/// ```
/// let report = larder::check();
/// assert!(report.is_clean(), "{report}");
/// ```
#[must_use]
pub fn check() -> Report {
    Graph::of_program().check()
}
