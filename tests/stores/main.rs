//! The promises, on process memory and on a real Redis alike.

mod above;
mod aging;
mod attacked;
mod batches;
mod cancelled;
mod counting;
mod direct;
mod flights;
mod functions;
mod hostile;
mod hostile_stress;
mod listing;
mod many;
mod meddled;
mod outage;
mod overtaken;
mod own_code;
mod projections;
mod put;
mod put_elsewhere;
mod redis;
mod stage;
