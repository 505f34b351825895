//! A child process that cannot outlive the test run.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

/// A running server, or a program under test; dropping it kills and reaps it.
///
/// Destructors do not run when a test run is killed, aborts or keeps the server in a static. For that case a
/// guardian reads from a pipe that only this process holds open: when this process is gone, however it went,
/// the pipe closes and the guardian kills the server.
pub struct Process {
    server: Child,
    guardian: Child,
}

impl Process {
    /// Starts `command` and its guardian.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let mut server = command.spawn()?;
        match spawn_guardian(server.id()) {
            Ok(guardian) => Ok(Self { server, guardian }),
            Err(error) => {
                kill_and_reap(&mut server);
                Err(error)
            }
        }
    }

    /// How the server ended, or `None` while it lives (paused counts as alive).
    ///
    /// # Panics
    /// When the system does not say.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.server
            .try_wait()
            .expect("ask for the state of a child process")
    }

    /// What the program writes, if its command said [`Stdio::piped`] and nobody took it yet.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.server.stdout.take()
    }

    /// Asks the program to end (SIGTERM).
    ///
    /// # Panics
    /// When it has ended already.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Waits until the program has ended.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn wait(&mut self) -> ExitStatus {
        self.server.wait().expect("wait for a child process")
    }

    /// Stops the server with SIGSTOP and waits until it has stopped. Pausing twice is the same as once.
    pub(crate) fn pause(&mut self) {
        self.signal(Signal::STOP);
        // NOWAIT leaves the report in place, so that a second pause finds it again instead of waiting for ever.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(Pid::from_child(&self.server)), stopped)
            .expect("wait until the server has stopped");
    }

    /// Continues a paused server.
    pub(crate) fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    fn signal(&mut self, signal: Signal) {
        // A child that was reaped may have left its process id to a stranger.
        if let Some(status) = self.exit_status() {
            panic!("the server is not running ({status}): it cannot take {signal:?}");
        }
        rustix::process::kill_process(Pid::from_child(&self.server), signal)
            .expect("send a signal to the server");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guardian goes first: it must not fire after the server was reaped and its process id given away.
        kill_and_reap(&mut self.guardian);
        kill_and_reap(&mut self.server);
    }
}

fn spawn_guardian(server: u32) -> io::Result<Child> {
    Command::new("sh")
        .args([
            "-c",
            "read -r _; kill -KILL \"$1\"",
            "guardian",
            &server.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // In its own group, Ctrl-C in the terminal ends the test run but not the guardian.
        .process_group(0)
        .spawn()
}

fn kill_and_reap(child: &mut Child) {
    // Both fail only for a child that is already gone, and then there is nothing left to do.
    let _ = child.kill();
    let _ = child.wait();
}

/// Runs `work` off the runtime's own threads. This keeps the tasks of a single-threaded test going, and a test's
/// paused clock from being advanced while it waits for a server that lives in real time.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn guardian_kills_the_server_when_the_pipe_closes() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut process = Process::spawn(command).unwrap();
        assert!(process.exit_status().is_none());

        drop(process.guardian.stdin.take()); // what the system does when this process dies

        let deadline = Instant::now() + Duration::from_secs(10);
        while process.exit_status().is_none() {
            assert!(Instant::now() < deadline, "the server outlived the pipe");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn pausing_twice_returns() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut process = Process::spawn(command).unwrap();
        process.pause();
        process.pause();
        process.resume();
        process.pause();
        assert!(process.exit_status().is_none());
    }
}
