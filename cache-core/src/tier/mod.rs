//! Several stores of bytes as one, and a guard for each.
//!
//! One tier, the *authority*, keeps generations, leases and entries of its own; the others keep *copies*
//! of entries. An entry of a stack is in the scope that it has to itself ([`own_scope`]), and its identity
//! is the generation that this scope had when it was sealed. So the authority has one current identity for
//! each key: a copy with another one is refused, wherever it lies and however late it came there.
//!
//! [`own_scope`]: crate::store::own_scope

mod behind;
mod breaker;
mod change;
#[cfg(test)]
mod door;
mod entry;
mod guarded;
mod level;
mod many;
mod read;
mod stack;

pub use self::breaker::Breaker;
pub use self::guarded::Guarded;
pub use self::level::Tier;
pub use self::stack::{Stack, StackError};
