//! The checks, by area. Their names are in [`list`](crate::list).

pub(crate) mod cancellation;
pub(crate) mod clear;
pub(crate) mod concurrency;
pub(crate) mod counters;
pub(crate) mod deletes;
pub(crate) mod entries;
pub(crate) mod generations;
pub(crate) mod keys;
pub(crate) mod leases;
pub(crate) mod listing;
pub(crate) mod loads;
pub(crate) mod many;
pub(crate) mod namespaces;
pub(crate) mod once;
pub(crate) mod overtaken;
pub(crate) mod pages;
pub(crate) mod patterns;
pub(crate) mod reclaiming;
pub(crate) mod shapes;
pub(crate) mod slots;
pub(crate) mod statistics;
pub(crate) mod tags;
pub(crate) mod ttls;
pub(crate) mod values;

// A group has one need. What some checks of a module need beyond the others goes by another name.
pub(crate) use cancellation as cancellation_of_counting;
pub(crate) use cancellation as cancellation_of_scans;
pub(crate) use overtaken::by_reclaiming as overtaken_by_reclaiming;
