//! Several stores of bytes as one, and a guard for each.

mod breaker;
mod guarded;

pub use self::breaker::Breaker;
pub use self::guarded::Guarded;
