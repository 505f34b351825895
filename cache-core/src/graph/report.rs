//! What a check found, and what it could not see.

use std::fmt;

use super::declared::Declaration;
use super::finding::Finding;

/// What [`check`](crate::check) found.
///
/// It displays as one line for each finding, sorted, and after them what could not be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
    possible: Vec<Finding>,
    unseen: Vec<Unseen>,
}

/// An expression of which nobody knows before a call which keys or tags it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Unseen {
    /// Whose attribute it is in.
    pub declared: Declaration,
    /// The expression, without its arguments.
    pub code: &'static str,
}

impl Unseen {
    pub(super) fn new(declared: Declaration, code: &'static str) -> Self {
        Self { declared, code }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}", self.code, self.declared)
    }
}

impl Report {
    pub(super) fn new(
        findings: Vec<Finding>,
        possible: Vec<Finding>,
        mut unseen: Vec<Unseen>,
    ) -> Self {
        unseen.dedup();
        Self {
            findings,
            possible,
            unseen,
        }
    }

    /// What is wrong, whatever the expressions give that cannot be seen.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What is wrong unless an expression that cannot be seen gives the tag or key that is missed, or
    /// if a value of a type of your own is ever written as the word that is another function's key:
    /// nobody is warned of these.
    #[must_use]
    pub fn possible(&self) -> &[Finding] {
        &self.possible
    }

    /// The expressions that cannot be seen.
    #[must_use]
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }

    /// Whether there is nothing to mend.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            writeln!(f, "nothing is wrong")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for finding in &self.possible {
            writeln!(f, "possibly: {finding}")?;
        }
        for unseen in &self.unseen {
            writeln!(f, "not seen: {unseen}")?;
        }
        Ok(())
    }
}
