//! Events: handlers in this process and in others, rules, retries, outages.

mod local;
mod once;
mod outage;
mod processes;
mod rules;
mod stage;
