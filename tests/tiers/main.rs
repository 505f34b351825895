//! Several real servers as one store: what a stack of tiers promises, at the port.

mod away;
mod changed;
mod coherent;
mod reading;
mod sealed;
mod stage;
