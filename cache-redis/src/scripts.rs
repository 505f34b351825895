//! What must happen to one key in one step, as scripts that the server runs.

use redis::aio::ConnectionLike;
use redis::{Pipeline, RedisResult, Script};

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
        }
    }

    /// Tells the server all of them: it has forgotten them, or never knew.
    pub(crate) async fn load(
        &self,
        connection: &mut (impl ConnectionLike + Send),
    ) -> RedisResult<()> {
        for script in [
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
        ] {
            script.load_async(connection).await?;
        }
        Ok(())
    }
}

/// Adds a call of `script` on `keys` to a pipeline, to which its arguments can be added.
pub(crate) fn call<'p>(
    pipeline: &'p mut Pipeline,
    script: &Script,
    keys: &[String],
) -> &'p mut Pipeline {
    pipeline
        .cmd("EVALSHA")
        .arg(script.get_hash())
        .arg(keys.len())
        .arg(keys)
}
