//! A Redis server of one's own.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::RedisServerBuilder;
use crate::port::LoopbackPort;
use crate::process::{Process, blocking};
use crate::redis_site::{Site, StartError};
use crate::tls::{Authority, Certificates};

const PORT_ATTEMPTS: usize = 10;

/// A running `redis-server` on 127.0.0.1, with a port and a temporary folder of its own.
///
/// Dropping it kills the server and removes the folder. The methods take `&self`, so that a test can share the
/// server with the tasks that break it.
pub struct RedisServer {
    pub(crate) site: Arc<Site>,
    process: Mutex<Option<Process>>,
}

impl RedisServer {
    /// Starts a server without options and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not come up; the message shows the server's log.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Options for a server: passwords, TLS, persistence, limits.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::default()
    }

    /// The URL of database 0, with the credentials that the server asks for.
    pub fn url(&self) -> String {
        self.url_with(0)
    }

    /// The URL of the database `db`.
    pub fn url_with(&self, db: u32) -> String {
        let scheme = if self.site.certificates.is_some() {
            "rediss"
        } else {
            "redis"
        };
        format!(
            "{scheme}://{}127.0.0.1:{}/{db}",
            self.site.builder.url_user_info(),
            self.port()
        )
    }

    /// The port; it stays the same across [`restart`](Self::restart).
    pub fn port(&self) -> u16 {
        self.site.port.number()
    }

    /// The certificate of the authority that clients must trust, as PEM.
    ///
    /// # Panics
    /// When the server was built without [`tls`](RedisServerBuilder::tls).
    pub fn ca_pem(&self) -> &str {
        &self.authority().ca_pem
    }

    /// The file that holds [`ca_pem`](Self::ca_pem).
    ///
    /// # Panics
    /// When the server was built without [`tls`](RedisServerBuilder::tls).
    pub fn ca_path(&self) -> &Path {
        &self.certificates().ca_path
    }

    /// A certificate and its key, as PEM, for a client of a server that was built with
    /// [`mutual_tls`](RedisServerBuilder::mutual_tls).
    ///
    /// # Panics
    /// When the server has no TLS.
    pub fn client_certificate(&self) -> (&str, &str) {
        let authority = self.authority();
        (&authority.client_cert_pem, &authority.client_key_pem)
    }

    /// What the server answers to a command, as `redis-cli` prints it.
    ///
    /// # Panics
    /// When `redis-cli` is not there, or the server cannot be reached.
    pub async fn ask(&self, command: &[&str]) -> String {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let site = Arc::clone(&self.site);
        blocking(move || site.ask(&command).unwrap_or_else(|error| panic!("{error}"))).await
    }

    /// What the server has logged since it was last started.
    pub fn log(&self) -> String {
        self.site.log()
    }

    /// Whether the server's process lives. A paused server does.
    pub fn is_running(&self) -> bool {
        self.process()
            .as_mut()
            .is_some_and(|process| process.exit_status().is_none())
    }

    /// Kills the server as a crash would (SIGKILL) and waits until it is gone. Clients are refused from then on.
    pub fn kill(&self) {
        self.process().take();
    }

    /// Starts the server again on the same port and in the same folder, and waits until it answers. A server that
    /// still runs is killed first.
    ///
    /// # Panics
    /// When the server does not come up.
    pub async fn restart(&self) {
        self.kill();
        let site = Arc::clone(&self.site);
        let process = blocking(move || {
            site.launch()
                .unwrap_or_else(|error| panic!("{}", error.message()))
        })
        .await;
        *self.process() = Some(process);
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

    fn certificates(&self) -> &Certificates {
        self.site
            .certificates
            .as_ref()
            .expect("the server has no TLS: build it with `.tls()`")
    }

    fn authority(&self) -> &Authority {
        let tls = self.site.builder.tls.as_deref();
        tls.expect("the server has no TLS: build it with `.tls()`")
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        // A test that panicked while it held the lock leaves a process that must be killed all the same.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisServerBuilder {
    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not come up; the message shows the server's log.
    pub async fn start(self) -> RedisServer {
        blocking(move || self.start_blocking()).await
    }

    fn start_blocking(self) -> RedisServer {
        for attempt in 0..PORT_ATTEMPTS {
            // Not every system lets the server listen on a port that we hold on to.
            let port = if attempt == 0 {
                LoopbackPort::reserved()
            } else {
                LoopbackPort::unreserved()
            };
            let site = Site::prepare(self.clone(), port);
            match site.launch() {
                Ok(process) => {
                    return RedisServer {
                        site: Arc::new(site),
                        process: Mutex::new(Some(process)),
                    };
                }
                Err(StartError::PortTaken) => {}
                Err(error) => panic!("{}", error.message()),
            }
        }
        panic!("redis-server found none of {PORT_ATTEMPTS} free ports free any more");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};
    use std::time::Duration;
    use std::{fs, io};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Sends inline commands over a connection of their own and reads until the server has answered QUIT.
    async fn ask(port: u16, commands: &str) -> io::Result<String> {
        let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(format!("{commands}\r\nQUIT\r\n").as_bytes())
            .await?;
        let mut replies = String::new();
        stream.read_to_string(&mut replies).await?;
        let replies = replies.strip_suffix("+OK\r\n").unwrap_or(&replies); // the answer to QUIT
        Ok(replies.trim_end().to_owned())
    }

    #[tokio::test]
    async fn answers_until_it_is_killed_and_after_a_restart() {
        let server = RedisServer::start().await;
        assert_eq!(
            server.url(),
            format!("redis://127.0.0.1:{}/0", server.port())
        );
        assert_eq!(ask(server.port(), "PING").await.unwrap(), "+PONG");

        server.kill();
        assert!(!server.is_running());
        let refused = ask(server.port(), "PING").await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        let port = server.port();
        server.restart().await;
        assert!(server.is_running());
        assert_eq!(server.port(), port);
        assert_eq!(ask(port, "PING").await.unwrap(), "+PONG");
    }

    #[tokio::test]
    async fn append_only_data_survives_a_kill_and_other_data_does_not() {
        let durable = RedisServer::builder().append_only().start().await;
        let volatile = RedisServer::start().await;
        for server in [&durable, &volatile] {
            assert_eq!(ask(server.port(), "SET k v").await.unwrap(), "+OK");
            server.restart().await;
        }
        assert_eq!(ask(durable.port(), "GET k").await.unwrap(), "$1\r\nv");
        assert_eq!(ask(volatile.port(), "GET k").await.unwrap(), "$-1");
    }

    #[tokio::test]
    async fn a_paused_server_is_silent_until_it_resumes() {
        let server = RedisServer::start().await;
        server.pause();
        assert!(server.is_running());
        let silence =
            tokio::time::timeout(Duration::from_millis(50), ask(server.port(), "PING")).await;
        assert!(silence.is_err(), "a paused server answered");
        server.resume();
        assert_eq!(ask(server.port(), "PING").await.unwrap(), "+PONG");
    }

    #[tokio::test]
    async fn a_password_is_demanded_and_is_in_the_url() {
        let server = RedisServer::builder().password("p@ss \"1\"").start().await;
        assert_eq!(
            server.url_with(3),
            format!("redis://:p%40ss%20%221%22@127.0.0.1:{}/3", server.port())
        );
        assert!(
            ask(server.port(), "PING")
                .await
                .unwrap()
                .starts_with("-NOAUTH")
        );
        let authenticated = ask(server.port(), "AUTH \"p@ss \\\"1\\\"\"\r\nPING")
            .await
            .unwrap();
        assert_eq!(authenticated, "+OK\r\n+PONG");
    }

    #[tokio::test]
    async fn acl_users_replace_the_default_user() {
        let server = RedisServer::builder()
            .acl_user("app", "secret")
            .start()
            .await;
        assert_eq!(
            server.url(),
            format!("redis://app:secret@127.0.0.1:{}/0", server.port())
        );
        assert!(
            ask(server.port(), "PING")
                .await
                .unwrap()
                .starts_with("-NOAUTH")
        );
        assert_eq!(
            ask(server.port(), "AUTH app secret\r\nPING").await.unwrap(),
            "+OK\r\n+PONG"
        );
    }

    #[tokio::test]
    async fn memory_limit_and_further_lines_reach_the_server() {
        let server = RedisServer::builder()
            .max_memory("4mb", "allkeys-lru")
            .arg("databases", "3")
            .start()
            .await;
        assert!(
            ask(server.port(), "CONFIG GET maxmemory")
                .await
                .unwrap()
                .contains("4194304")
        );
        assert!(
            ask(server.port(), "CONFIG GET maxmemory-policy")
                .await
                .unwrap()
                .contains("allkeys-lru")
        );
        assert!(
            ask(server.port(), "CONFIG GET databases")
                .await
                .unwrap()
                .ends_with("\r\n3")
        );
    }

    #[tokio::test]
    async fn a_strict_client_accepts_the_certificate() {
        use std::io::{Read as _, Write as _};

        use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};

        let server = RedisServer::builder().tls().start().await;
        assert!(server.url().starts_with("rediss://127.0.0.1:"));
        assert_eq!(
            fs::read_to_string(server.ca_path()).unwrap(),
            server.ca_pem()
        );

        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let config = Arc::new(config);
        for name in ["127.0.0.1", "localhost"] {
            let name = ServerName::try_from(name).unwrap();
            let connection = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            stream.write_all(b"PING\r\n").unwrap();
            let mut reply = [0; 7];
            stream.read_exact(&mut reply).unwrap();
            assert_eq!(&reply, b"+PONG\r\n");
        }
    }

    #[tokio::test]
    async fn dropping_ends_the_process_and_removes_the_folder() {
        let server = RedisServer::start().await;
        let (port, dir) = (server.port(), server.site.dir.path().to_owned());
        server.pause();
        drop(server);
        assert!(ask(port, "PING").await.is_err());
        assert!(!dir.exists());
    }

    #[tokio::test]
    #[should_panic(expected = "Bad directive")]
    async fn a_server_that_does_not_come_up_shows_its_log() {
        RedisServer::builder()
            .arg("no-such-directive", "1")
            .start()
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn starts_under_a_paused_clock() {
        let begin = tokio::time::Instant::now();
        let server = RedisServer::start().await;
        server.restart().await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_taken_port_is_told_from_other_failures() {
        let server = RedisServer::start().await;
        let taken = LoopbackPort::unreserved_at(server.port());
        let second = Site::prepare(RedisServerBuilder::default(), taken);
        assert!(matches!(second.launch(), Err(StartError::PortTaken)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_can_listen_on_a_reserved_port() {
        let site = Site::prepare(RedisServerBuilder::default(), LoopbackPort::reserved());
        assert!(site.launch().is_ok());
    }
}
