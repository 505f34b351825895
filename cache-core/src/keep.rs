//! Whether a loaded value is kept, and for how long.

use crate::spec::Ttl;

/// What is done with a value that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is returned and not stored.
    Not,
    /// For as long as the function's `ttl` says.
    Usual,
    /// For as long as `ttl_of` said of it.
    For(Ttl),
}

impl Keep {
    /// For how long, where `usual` is what the function's `ttl` says; `None` for not at all.
    pub(crate) fn ttl(self, usual: Ttl) -> Option<Ttl> {
        match self {
            Self::Not => None,
            Self::Usual => Some(usual),
            Self::For(ttl) => Some(ttl),
        }
    }
}

/// Keeps every value.
#[doc(hidden)]
pub fn always<T>(_: &T) -> Keep {
    Keep::Usual
}

/// A value that can be `None`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`cache_none` is for functions whose value is an `Option`",
    label = "this is never `None`",
    note = "leave `cache_none` out"
)]
pub trait MaybeNone {
    fn is_some(&self) -> bool;
}

impl<T> MaybeNone for Option<T> {
    fn is_some(&self) -> bool {
        self.is_some()
    }
}
