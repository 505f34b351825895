//! What must happen to one key in one step, as scripts that the server runs.

use futures_util::future::try_join_all;
use redis::aio::ConnectionManager;
use redis::{RedisResult, Script};

#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) read: Script,
    pub(crate) lease: Script,
    pub(crate) renew: Script,
    pub(crate) release: Script,
    pub(crate) fill: Script,
    pub(crate) keep: Script,
    pub(crate) begin: Script,
    pub(crate) advance: Script,
    pub(crate) remove: Script,
    pub(crate) patch: Script,
    pub(crate) increment: Script,
    pub(crate) append: Script,
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
            begin: Script::new(include_str!("scripts/begin.lua")),
            advance: Script::new(include_str!("scripts/advance.lua")),
            remove: Script::new(include_str!("scripts/remove.lua")),
            patch: Script::new(include_str!("scripts/patch.lua")),
            increment: Script::new(include_str!("scripts/increment.lua")),
            append: Script::new(include_str!("events/append.lua")),
        }
    }

    /// Tells a server all of them: it has forgotten them, or never knew.
    pub(crate) async fn load(&self, connection: &ConnectionManager) -> RedisResult<()> {
        let all = [
            &self.read,
            &self.lease,
            &self.renew,
            &self.release,
            &self.fill,
            &self.keep,
            &self.begin,
            &self.advance,
            &self.remove,
            &self.patch,
            &self.increment,
            &self.append,
        ];
        let loads = all.map(async |script| script.load_async(&mut connection.clone()).await);
        try_join_all(loads).await.map(drop)
    }
}
