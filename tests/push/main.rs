//! What a Redis store tells of changes that others make, on real servers.

mod changes;
mod hidden;
mod losses;
mod refusals;
mod several;
mod stage;
