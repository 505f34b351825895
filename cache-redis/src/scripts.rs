//! What must happen to one key in one step, as scripts that the server runs.

use redis::Script;

#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) read: Script,
    pub(crate) lease: Script,
    pub(crate) renew: Script,
    pub(crate) release: Script,
    pub(crate) fill: Script,
    pub(crate) keep: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            read: Script::new(include_str!("scripts/read.lua")),
            lease: Script::new(include_str!("scripts/lease.lua")),
            renew: Script::new(include_str!("scripts/renew.lua")),
            release: Script::new(include_str!("scripts/release.lua")),
            fill: Script::new(include_str!("scripts/fill.lua")),
            keep: Script::new(include_str!("scripts/keep.lua")),
        }
    }
}
