//! Mistakes in a configuration: collected, so that all of them are reported at once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::error::InitError;

/// How many mistakes are told in full. Of a file that is none of ours nobody reads thousands.
const TOLD: usize = 100;

/// One mistake in the configuration: where it is, what is wrong, and what to do about it. Shows no
/// address's password, and nothing that came through `${VAR}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// `larder.toml:7:1` (line and column, from one), the name of a variable, the builder's method,
    /// or an annotated function, with file and line.
    pub place: String,
    /// What is wrong, and how to mend it.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// Where something was said. Ordered as it is reported: files by line, then the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A file as a whole.
    File(Arc<Path>),
    Line {
        file: Arc<Path>,
        line: usize,
        column: usize,
    },
    Variable(String),
    /// A method of the builder.
    Method(&'static str),
    /// An annotated function: the file and line of its attribute, where they are known, and its path.
    Function(Option<(&'static str, u32)>, &'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The variable that names the file may have been given an address.
            Self::File(file) if file.display().to_string().contains("://") => f.write_str("…"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Line { file, line, column } => {
                write!(f, "{}:{line}:{column}", file.display())
            }
            Self::Variable(name) => write!(f, "{}", name.escape_debug()),
            Self::Method(name) => write!(f, "larder::builder().{name}(..)"),
            Self::Function(Some((file, line)), path) => write!(f, "{file}:{line}: {path}"),
            Self::Function(None, path) => f.write_str(path),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Mistakes {
    told: Vec<(Place, String)>,
    untold: usize,
    hide_caches: bool,
}

impl Mistakes {
    /// Notes a mistake. `problem` is only asked if it will be told.
    pub(super) fn note(&mut self, place: &Place, problem: impl FnOnce() -> String) {
        if self.told.len() < TOLD {
            self.told.push((place.clone(), problem()));
        } else {
            self.untold += 1;
        }
    }

    /// Notes a mistake that keeps caches from being known by name.
    pub(super) fn note_hiding(&mut self, place: &Place, problem: impl FnOnce() -> String) {
        self.hide_caches = true;
        self.note(place, problem);
    }

    /// Whether there may be caches whose names are not known because of a mistake.
    pub(super) fn hide_caches(&self) -> bool {
        self.hide_caches
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// # Errors
    /// [`InitError::Mistakes`] if there are any.
    pub(super) fn into_result(self) -> Result<(), InitError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut told = self.told;
        told.sort();
        told.dedup();
        let mut mistakes: Vec<Mistake> = told
            .into_iter()
            .map(|(place, problem)| Mistake {
                place: place.to_string(),
                problem,
            })
            .collect();
        if self.untold > 0 {
            mistakes.push(Mistake {
                place: "and".to_owned(),
                problem: format!("{} more mistakes", self.untold),
            });
        }
        Err(InitError::Mistakes(mistakes))
    }
}
