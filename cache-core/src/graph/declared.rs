//! What registers itself beside the annotated functions and handlers.

use std::fmt;
use std::panic::Location;

use super::templates::Templates;

/// Where something was declared: a function, a resource or one of its entries, a rule.
///
/// It displays as `` `shop::get_user` (src/users.rs:12) ``.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Declaration {
    /// Its whole path; of what has no name, its module and line.
    pub name: &'static str,
    /// The file.
    pub file: &'static str,
    /// The line, from one.
    pub line: u32,
}

impl Declaration {
    /// What is called so, declared where this is called.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn here(name: &'static str) -> Self {
        let caller = Location::caller();
        Self {
            name,
            file: caller.file(),
            line: caller.line(),
        }
    }

    /// Whether it stands in the module or type `path`, or below.
    pub(super) fn is_within(&self, path: &str) -> bool {
        let rest = self.name.strip_prefix(path);
        rest.is_some_and(|rest| path.is_empty() || rest.is_empty() || !is_of_a_name(rest))
    }

    /// The path of what it stands in.
    pub(super) fn module(&self) -> &'static str {
        // What has no name says its line behind the module.
        if let Some((module, _)) = self.name.split_once(',') {
            return module;
        }
        self.name.rsplit_once("::").map_or("", |(module, _)| module)
    }
}

fn is_of_a_name(text: &str) -> bool {
    text.starts_with(|first: char| first == '_' || first.is_alphanumeric())
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, file, line } = self;
        // What has no name tells its place by itself.
        match name.split_once(", line ") {
            Some((_, what)) => match what.split_once(": ") {
                Some((_, called)) => write!(f, "`{called}` ({file}:{line})"),
                None => write!(f, "`{name}` ({file}:{line})"),
            },
            None => write!(f, "`{name}` ({file}:{line})"),
        }
    }
}

/// A `resource!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Resource {
    pub declared: Declaration,
    /// The tag that all entries carry.
    pub tag: Templates,
    pub entries: &'static [Entry],
}

/// An entry of a `resource!`. Its tags are those beside the resource's own.
#[doc(hidden)]
#[derive(Debug)]
pub struct Entry {
    pub declared: Declaration,
    pub templates: Templates,
}

/// A `by_hand!`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByHand {
    pub declared: Declaration,
    pub templates: Templates,
    pub cache: Option<&'static str>,
}

/// How a resource is known before `main`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ResourceRegistration(pub &'static Resource);

inventory::collect!(ResourceRegistration);

/// How what is done by hand is known before `main`.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByHandRegistration(pub &'static ByHand);

inventory::collect!(ByHandRegistration);

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &'static str) -> Declaration {
        Declaration::here(name)
    }

    #[test]
    fn a_module_is_no_part_of_a_longer_name() {
        assert!(declared("shop::users::get").is_within("shop::users"));
        assert!(declared("shop::users::get").is_within("shop"));
        assert!(declared("shop::users, line 7: by_hand!").is_within("shop::users"));
        assert!(declared("shop::users").is_within(""));
        assert!(!declared("shop::users_old::get").is_within("shop::users"));
    }

    #[test]
    fn a_declaration_tells_its_module_and_its_place() {
        assert_eq!(declared("shop::users::get").module(), "shop::users");
        assert_eq!(declared("shop, line 7: by_hand!").module(), "shop");
        let line = line!() + 1;
        let shown = declared_here("shop, line 7: by_hand!").to_string();
        assert_eq!(shown, format!("`by_hand!` ({}:{line})", file!()));
    }

    #[track_caller]
    fn declared_here(name: &'static str) -> Declaration {
        Declaration::here(name)
    }
}
