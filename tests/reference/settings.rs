//! What sets up an example's caches from outside: a file, and variables.
//!
//! The environment belongs to a whole process, so an example that sets variables is played once more,
//! in a process of its own.

use std::process::Command;

use anyhow::Context as _;
use larder::{Caches, InitError};

use crate::stage::Stage;

/// The caches that a `larder.toml` of this text sets up.
pub(crate) async fn configured(file: &str) -> anyhow::Result<Result<Caches, InitError>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("larder.toml");
    std::fs::write(&path, file)?;
    Ok(larder::builder().file(path).build().await)
}

/// Says to a process that it was started by [`play_again`].
const AGAIN: &str = "LARDER_EXAMPLE_AGAIN";
const SAID: &str = "the example says: ";

/// Whether this process was started by [`play_again`].
pub(crate) fn is_played_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

/// What the example has found out, for the one who plays it again.
pub(crate) fn say(what: &str) {
    // On a line of its own, whatever the test harness has begun.
    println!("\n{SAID}{what}");
}

/// Plays `example`, as in `decorators::an_example`, with these variables; what it had to [`say`].
pub(crate) fn play_again(
    stage: &Stage,
    example: &str,
    variables: &[(&str, &str)],
) -> anyhow::Result<String> {
    let store = stage.place().map_or("in_memory", |_| "on_redis");
    let (file, example) = example.split_once("::").context("it is in a file")?;
    let mut again = Command::new(std::env::current_exe()?);
    again
        .arg(format!("{file}::{store}::{example}"))
        .args(["--exact", "--nocapture"]);
    for (name, _) in std::env::vars() {
        if name.starts_with("CACHE_") || name.starts_with("LARDER_") || name == "REDIS_URL" {
            again.env_remove(name);
        }
    }
    let variables = variables.iter().copied();
    let output = again.env(AGAIN, "1").envs(variables).output()?;
    let output = String::from_utf8(output.stdout)?;
    let said = output.lines().find_map(|line| line.strip_prefix(SAID));
    Ok(said.with_context(|| output.clone())?.to_owned())
}

/// Where the example's cache is, as `CACHE_URL` has it.
pub(crate) fn url_of(stage: &Stage) -> String {
    stage
        .place()
        .map_or_else(|| "memory".to_owned(), |place| place.server.url())
}
