//! A temporary folder that cannot outlive the test run.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// An empty folder; gone when this is dropped.
///
/// A test run that is killed, or keeps the folder in a static, runs no destructors. For that case a guardian
/// waits at a pipe that only this process holds open, and removes the folder when the pipe closes.
pub struct Folder {
    folder: TempDir,
    guardian: Child,
}

impl Folder {
    /// Makes a folder.
    ///
    /// # Panics
    /// When the system makes none.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes something")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("larder-folder-")
            .tempdir()
            .expect("make a temporary folder");
        let guardian = Command::new("sh")
            .args(["-c", "read -r _; rm -rf -- \"$1\"", "guardian"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // In its own group, Ctrl-C in the terminal ends the test run but not the guardian.
            .process_group(0)
            .spawn()
            .expect("start the guardian of a folder");
        Self { folder, guardian }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Both fail only for a guardian that is already gone.
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
    }
}
