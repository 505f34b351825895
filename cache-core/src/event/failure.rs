//! Why a handler did not handle an event, and how that is told from what it returned.

use std::fmt::{Debug, Display};

/// Why a handler did not handle an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The payload is not what the handler takes. Not retried: it would be the same again.
    #[error("the payload cannot be used: {0}")]
    Unreadable(String),
    /// The handler returned an error; how that displays.
    #[error("{0}")]
    Returned(String),
    /// The handler panicked.
    #[error("it panicked")]
    Panicked,
    /// The handler did not end in time.
    #[error("it did not end within {0:?}")]
    Timeout(std::time::Duration),
}

impl Failure {
    /// Whether another attempt could end otherwise.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }
}

/// That the payload is not what the handler takes. Without the payload's text, which may be secret.
#[doc(hidden)]
pub fn unreadable(type_name: &str, error: &serde_json::Error) -> Failure {
    let what = match error.classify() {
        serde_json::error::Category::Data => "its fields are others",
        _ => "it is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    Failure::Unreadable(format!(
        "it is no `{type_name}`, {what} (line {line}, column {column})"
    ))
}

/// Whether what a handler returned is a failure. By method lookup, so that aliases of `Result` are
/// seen through, and an error needs neither `Display` nor `Debug`.
#[doc(hidden)]
#[macro_export]
macro_rules! __handled {
    ($returned:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            FailsByDebug as _, FailsByDisplay as _, FailsSilently as _, Succeeds as _,
        };
        (&&&&$crate::__private::Returned(&$returned)).handled()
    }};
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Returned<'a, R>(pub &'a R);

#[doc(hidden)]
pub trait FailsByDisplay {
    fn handled(&self) -> Result<(), Failure>;
}

impl<T, E: Display> FailsByDisplay for &&&Returned<'_, Result<T, E>> {
    fn handled(&self) -> Result<(), Failure> {
        // With `#`, an `anyhow::Error` also says what caused it.
        failed(self.0, |error| format!("{error:#}"))
    }
}

#[doc(hidden)]
pub trait FailsByDebug {
    fn handled(&self) -> Result<(), Failure>;
}

impl<T, E: Debug> FailsByDebug for &&Returned<'_, Result<T, E>> {
    fn handled(&self) -> Result<(), Failure> {
        failed(self.0, |error| format!("{error:?}"))
    }
}

#[doc(hidden)]
pub trait FailsSilently {
    fn handled(&self) -> Result<(), Failure>;
}

impl<T, E> FailsSilently for &Returned<'_, Result<T, E>> {
    fn handled(&self) -> Result<(), Failure> {
        failed(self.0, |_| "it returned an error".to_owned())
    }
}

#[doc(hidden)]
pub trait Succeeds {
    fn handled(&self) -> Result<(), Failure>;
}

impl<R> Succeeds for Returned<'_, R> {
    fn handled(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn failed<T, E>(returned: &Result<T, E>, say: impl FnOnce(&E) -> String) -> Result<(), Failure> {
    match returned {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Returned(say(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        for (payload, expected) in [
            (
                "\"hunter2\"",
                "the payload cannot be used: it is no `u64`, its fields are others (line 1, column 9)",
            ),
            (
                "hunter2",
                "the payload cannot be used: it is no `u64`, it is not JSON (line 1, column 1)",
            ),
        ] {
            let error = serde_json::from_str::<u64>(payload).expect_err("no number");
            assert_eq!(unreadable("u64", &error).to_string(), expected);
        }
    }

    type Aliased = Result<u8, std::fmt::Error>;

    #[derive(Debug)]
    struct Debugged;

    struct Opaque;

    #[test]
    fn what_a_handler_returned_is_judged_by_its_type() {
        let says = |text: &str| Err(Failure::Returned(text.to_owned()));
        assert_eq!(__handled!(()), Ok(()));
        assert_eq!(__handled!(7_u8), Ok(()));
        assert_eq!(__handled!(Aliased::Ok(7)), Ok(()));
        assert_eq!(
            __handled!(Aliased::Err(std::fmt::Error)),
            says("an error occurred when formatting an argument")
        );
        assert_eq!(__handled!(Err::<(), _>(Debugged)), says("Debugged"));
        assert_eq!(
            __handled!(Err::<(), _>(Opaque)),
            says("it returned an error")
        );
    }
}
