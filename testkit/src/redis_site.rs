//! Where a Redis server lives, and how it is started there.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::RedisServerBuilder;
use crate::port::LoopbackPort;
use crate::process::Process;
use crate::redis_builder::Role;
use crate::tls::Certificates;

/// How long a server may take to start. It takes 20 ms; a loaded machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What stays the same when the server restarts.
pub(crate) struct Site {
    pub(crate) builder: RedisServerBuilder,
    pub(crate) certificates: Option<Certificates>,
    pub(crate) port: LoopbackPort,
    /// Where the nodes of a cluster speak to each other.
    pub(crate) bus: Option<LoopbackPort>,
    pub(crate) dir: TempDir,
}

/// Why a server did not come up.
pub(crate) enum StartError {
    PortTaken,
    Failed(String),
}

impl Site {
    /// Writes everything that the server reads.
    pub(crate) fn prepare(builder: RedisServerBuilder, port: LoopbackPort) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("larder-redis-")
            .tempdir()
            .expect("make a temporary folder");
        let certificates = builder.tls.as_ref().map(|tls| tls.write_into(dir.path()));
        let bus = (builder.role == Role::Node).then(|| port.another());
        let site = Self {
            builder,
            certificates,
            port,
            bus,
            dir,
        };
        let conf = site.builder.conf(
            site.dir.path(),
            site.port.number(),
            site.bus.as_ref().map(LoopbackPort::number),
            site.certificates.as_ref(),
        );
        fs::write(site.conf_path(), conf).expect("write redis.conf");
        site
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn launch(&self) -> Result<Process, StartError> {
        // The log starts anew, so that a line in it is never from an earlier run.
        let log = File::create(self.log_path()).expect("create the server's log");
        let mut command = Command::new("redis-server");
        command.arg(self.conf_path());
        if self.builder.role == Role::Sentinel {
            command.arg("--sentinel");
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("share the server's log"))
            .stderr(log);
        let mut process =
            Process::spawn(command).map_err(|error| StartError::Failed(not_started(&error)))?;
        self.wait_until_ready(&mut process)?;
        Ok(process)
    }

    fn wait_until_ready(&self, process: &mut Process) -> Result<(), StartError> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // Asked before the log is read: what a dead server had to say is then all there.
            let ended = process.exit_status();
            let log = self.log();
            if let Some(status) = ended {
                return Err(if log.contains("Address already in use") {
                    StartError::PortTaken
                } else {
                    StartError::Failed(format!("redis-server ended with {status}. Its log:\n{log}"))
                });
            }
            // The log speaks for our server alone; an answer on the port could come from a stranger.
            let is_up = match self.builder.role {
                Role::Sentinel => log.contains("Sentinel ID is"),
                Role::Server | Role::Node => log.contains("Ready to accept connections"),
            };
            if is_up && self.answers() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::Failed(format!(
                    "redis-server did not answer for {START_LIMIT:?}. Its log:\n{log}"
                )));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Whether the port takes connections and, where we can speak without TLS, answers a PING. An answer that asks
    /// for a password is one.
    fn answers(&self) -> bool {
        let ping = || -> io::Result<bool> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port.number()))?;
            if self.certificates.is_some() {
                return Ok(true);
            }
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut reply = [0; 64];
            let length = stream.read(&mut reply)?;
            Ok(reply[..length].starts_with(b"+PONG") || reply[..length].starts_with(b"-NOAUTH"))
        };
        ping().unwrap_or(false)
    }

    /// What the server answers to a command, as `redis-cli` prints it.
    pub(crate) fn ask(&self, command: &[String]) -> Result<String, String> {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", "127.0.0.1", "-p", &self.port.number().to_string()]);
        cli.args(self.builder.cli_user());
        if let Some(certificates) = &self.certificates {
            cli.arg("--tls");
            cli.arg("--cacert").arg(&certificates.ca_path);
            cli.arg("--cert").arg(&certificates.cert_path);
            cli.arg("--key").arg(&certificates.key_path);
        }
        let output = cli
            .args(command)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("redis-cli could not be started: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned())
        } else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("redis-cli {}: {said}", command.join(" ")))
        }
    }

    fn conf_path(&self) -> PathBuf {
        self.dir.path().join("redis.conf")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl StartError {
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::PortTaken => "another process took the server's port while it was down",
            Self::Failed(message) => message,
        }
    }
}

fn not_started(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "redis-server is not installed: run `cargo xtask test`, which installs it, or install the package `redis-server`".to_owned()
        }
        _ => format!("redis-server could not be started: {error}"),
    }
}
