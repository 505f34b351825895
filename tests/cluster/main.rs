//! Several Redis servers: clusters whose slots move and whose primaries die, sentinels, replicas.

mod acknowledged;
mod certificates;
mod events;
mod failover;
mod resharding;
mod sentinel;
mod spread;
mod stage;
mod walks;
