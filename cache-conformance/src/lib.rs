#![doc = include_str!("../README.md")]

mod check;
mod checks;
mod failure;
mod gate;
mod list;
mod need;
mod operation;
mod subject;

pub use crate::check::{Check, checks, run};
pub use crate::failure::{Failure, Outcome};
pub use crate::need::Need;
pub use crate::subject::Subject;
