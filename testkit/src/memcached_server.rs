//! A memcached server of one's own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::port::LoopbackPort;
use crate::process::{Process, blocking};

const PORT_ATTEMPTS: usize = 10;

/// How long a server may take to start. It takes a few milliseconds; a loaded machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A running `memcached` on 127.0.0.1, with a port of its own.
///
/// Dropping it kills the server. The methods take `&self`, so that a test can share the server with the tasks
/// that break it.
pub struct MemcachedServer {
    site: Arc<Site>,
    process: Mutex<Option<Process>>,
}

/// What stays the same when the server restarts.
struct Site {
    port: LoopbackPort,
    args: Vec<String>,
}

impl MemcachedServer {
    /// Starts a server without options and waits until it answers.
    ///
    /// # Panics
    /// When `memcached` is not installed or does not come up.
    pub async fn start() -> Self {
        Self::start_with([]).await
    }

    /// Starts a server with these arguments: `["-m", "2"]` for two megabytes of memory, `["-I", "2m"]` for larger
    /// items.
    ///
    /// # Panics
    /// When `memcached` is not installed or does not come up.
    pub async fn start_with<const N: usize>(args: [&str; N]) -> Self {
        let args: Vec<String> = args.map(str::to_owned).to_vec();
        blocking(move || Self::start_blocking(&args)).await
    }

    fn start_blocking(args: &[String]) -> Self {
        let mut last = None;
        for attempt in 0..PORT_ATTEMPTS {
            // Not every system lets the server listen on a port that we hold on to.
            let port = if attempt == 0 {
                LoopbackPort::reserved()
            } else {
                LoopbackPort::unreserved()
            };
            let args = args.to_vec();
            let site = Site { port, args };
            match site.launch() {
                Ok(process) => {
                    return Self {
                        site: Arc::new(site),
                        process: Mutex::new(Some(process)),
                    };
                }
                Err(problem) => last = Some(problem),
            }
        }
        panic!("{}", last.unwrap_or_default());
    }

    /// The URL.
    pub fn url(&self) -> String {
        format!("memcached://127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same across [`restart`](Self::restart).
    pub fn port(&self) -> u16 {
        self.site.port.number()
    }

    /// Kills the server as a crash would (SIGKILL) and waits until it is gone. Clients are refused from then on.
    pub fn kill(&self) {
        self.process().take();
    }

    /// Starts the server again on the same port, empty, and waits until it answers. A server that still runs is
    /// killed first.
    ///
    /// # Panics
    /// When the server does not come up.
    pub async fn restart(&self) {
        self.kill();
        let site = Arc::clone(&self.site);
        let launched = blocking(move || site.launch()).await;
        *self.process() = Some(launched.unwrap_or_else(|problem| panic!("{problem}")));
    }

    /// Freezes the server (SIGSTOP): connections stay open and new ones are accepted by the system, but nothing
    /// is answered until [`resume`](Self::resume).
    ///
    /// # Panics
    /// When the server does not run.
    pub fn pause(&self) {
        self.process()
            .as_mut()
            .expect("the server was killed: it cannot be paused")
            .pause();
    }

    /// Lets a paused server go on (SIGCONT); it then answers what has queued up.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn resume(&self) {
        self.process()
            .as_mut()
            .expect("the server was killed: it cannot be resumed")
            .resume();
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        // A test that panicked while it held the lock leaves a process that must be killed all the same.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// Starts the server and waits until it answers.
    fn launch(&self) -> Result<Process, String> {
        let mut command = Command::new("memcached");
        command
            .args(["-l", "127.0.0.1", "-p", &self.port.number().to_string()])
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if rustix::process::geteuid().is_root() {
            // It does not run as root unless it is told to.
            command.args(["-u", "root"]);
        }
        let mut process = Process::spawn(command).map_err(|error| not_started(&error))?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let is_answering = answers(self.port.number()).unwrap_or(false);
            // Asked behind the answer, which could come from a stranger who took the port.
            if let Some(status) = process.exit_status() {
                return Err(format!(
                    "memcached ended with {status}: another process may have its port, or it does not know one of {:?}",
                    self.args
                ));
            }
            if is_answering {
                return Ok(process);
            }
            if Instant::now() > deadline {
                return Err(format!("memcached did not answer for {START_LIMIT:?}"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

fn answers(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"version\r\n")?;
    let mut reply = [0; 64];
    let length = stream.read(&mut reply)?;
    Ok(reply[..length].starts_with(b"VERSION"))
}

fn not_started(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "memcached is not installed: run `cargo xtask test`, which installs it, or install the package `memcached`".to_owned()
        }
        _ => format!("memcached could not be started: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_until_it_is_killed_and_after_a_restart() {
        let server = MemcachedServer::start().await;
        assert_eq!(
            server.url(),
            format!("memcached://127.0.0.1:{}", server.port())
        );
        assert!(answers(server.port()).unwrap());
        server.kill();
        let refused = answers(server.port()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let port = server.port();
        server.restart().await;
        assert_eq!(server.port(), port);
        assert!(answers(port).unwrap());
    }

    #[tokio::test]
    async fn a_paused_server_is_silent_until_it_resumes() {
        let server = MemcachedServer::start().await;
        server.pause();
        assert!(answers(server.port()).is_err(), "a paused server answered");
        server.resume();
        assert!(answers(server.port()).unwrap());
    }

    #[tokio::test]
    async fn dropping_ends_the_process() {
        let server = MemcachedServer::start_with(["-m", "2"]).await;
        let port = server.port();
        server.pause();
        drop(server);
        assert!(answers(port).is_err());
    }

    #[tokio::test]
    #[should_panic(expected = "no-such-argument")]
    async fn a_server_that_does_not_come_up_says_so() {
        MemcachedServer::start_with(["--no-such-argument"]).await;
    }
}
