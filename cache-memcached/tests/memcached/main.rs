//! What is particular to memcached. All that every store does is in the list of named checks.

mod keys;
mod limits;
mod meddled;
mod outage;
mod round_trips;
mod stage;
