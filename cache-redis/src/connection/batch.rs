//! Commands, each with the key that says where it goes.

use redis::{Cmd, Script};

/// Commands that are sent together. What one does must not depend on what another did: they may be sent
/// to different servers.
#[derive(Default)]
pub(crate) struct Batch(Vec<Command>);

/// A command whose keys are all of one hash slot.
pub(crate) struct Command {
    pub(crate) cmd: Cmd,
    goes_by: GoesBy,
}

enum GoesBy {
    /// The word with this number.
    Word(usize),
    /// A key that it does not have.
    Key(Vec<u8>),
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One command.
    pub(crate) fn of(words: &[&str], key: &str) -> Self {
        let mut batch = Self::new();
        batch.add(words, key);
        batch
    }

    /// Adds a command whose key follows its words (`GETRANGE`, `MEMORY USAGE`). Arguments can be added.
    pub(crate) fn add(&mut self, words: &[&str], key: &str) -> &mut Cmd {
        let mut cmd = Cmd::new();
        cmd.arg(words).arg(key);
        self.push(cmd, words.len())
    }

    /// Adds a command that has nothing but keys, each of the same slot: see
    /// [`keys_at_once`](super::Connection::keys_at_once).
    pub(crate) fn add_keys(&mut self, word: &str, keys: &[String]) {
        let mut cmd = Cmd::new();
        cmd.arg(word).arg(keys);
        self.push(cmd, 1);
    }

    /// Adds a call of a script on keys of the same slot. Arguments can be added.
    pub(crate) fn script(&mut self, script: &Script, keys: &[String]) -> &mut Cmd {
        let mut cmd = Cmd::new();
        cmd.arg("EVALSHA")
            .arg(script.get_hash())
            .arg(keys.len())
            .arg(keys);
        self.push(cmd, 3)
    }

    /// Adds a command that has no key, and goes where `key` is.
    pub(crate) fn push_without_key(&mut self, cmd: Cmd, key: &str) {
        self.0.push(Command {
            cmd,
            goes_by: GoesBy::Key(key.as_bytes().to_vec()),
        });
    }

    /// Adds a command whose first key is its word number `key_at`.
    pub(crate) fn push(&mut self, cmd: Cmd, key_at: usize) -> &mut Cmd {
        let goes_by = GoesBy::Word(key_at);
        &mut self.0.push_mut(Command { cmd, goes_by }).cmd
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_commands(self) -> impl Iterator<Item = Command> {
        self.0.into_iter()
    }
}

impl Command {
    /// What decides where it goes.
    pub(super) fn key(&self) -> &[u8] {
        match &self.goes_by {
            GoesBy::Key(key) => key,
            GoesBy::Word(at) => match self.cmd.args_iter().nth(*at) {
                Some(redis::Arg::Simple(key)) => key,
                _ => &[],
            },
        }
    }
}
