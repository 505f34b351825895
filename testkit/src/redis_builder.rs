//! What a Redis server is asked to be, and the `redis.conf` that says so.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::tls::{Authority, Certificates};

/// Options of a [`RedisServer`](crate::RedisServer) that is about to start.
///
/// Without options: one node on 127.0.0.1, no password, no TLS, nothing kept on disk.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs before `start`"]
pub struct RedisServerBuilder {
    password: Option<String>,
    acl_users: Vec<Credentials>,
    pub(crate) tls: Option<Arc<Authority>>,
    demands_certificates: bool,
    pub(crate) role: Role,
    append_only: bool,
    extra: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Credentials {
    name: String,
    password: String,
    /// What the user may do, as in `ACL SETUSER`.
    rules: String,
}

/// What kind of server is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Server,
    /// A node of a cluster, which needs a second port.
    Node,
    Sentinel,
}

impl RedisServerBuilder {
    /// Adds a user who may do everything. The first one is the user in [`url`](crate::RedisServer::url).
    ///
    /// The default user is switched off, unless [`password`](Self::password) gives it one: a client that forgets
    /// to name its user is refused.
    pub fn acl_user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.acl_user_with(name, password, "~* &* +@all")
    }

    /// Like [`acl_user`](Self::acl_user), for a user who may do only so much: `"~shop:* +get +set"`.
    pub fn acl_user_with(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
        rules: impl Into<String>,
    ) -> Self {
        self.acl_users.push(Credentials {
            name: name.into(),
            password: password.into(),
            rules: rules.into(),
        });
        self
    }

    /// Demands this password of the default user (`requirepass`).
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Speaks TLS only, with a certificate for `127.0.0.1` and `localhost` from an authority of its own:
    /// [`ca_pem`](crate::RedisServer::ca_pem). Clients need no certificate.
    pub fn tls(mut self) -> Self {
        self.tls = Some(Arc::new(Authority::create()));
        self
    }

    /// Speaks TLS only, as with [`tls`](Self::tls), and only to clients that show a certificate of the same
    /// authority: [`client_certificate`](crate::RedisServer::client_certificate).
    pub fn mutual_tls(mut self) -> Self {
        self.demands_certificates = true;
        self.tls()
    }

    /// Syncs every write to disk before it is answered, so that a killed server restarts with all its data.
    pub fn append_only(mut self) -> Self {
        self.append_only = true;
        self
    }

    /// Limits memory and names the eviction policy: `.max_memory("4mb", "allkeys-lru")`.
    pub fn max_memory(self, limit: &str, policy: &str) -> Self {
        self.arg("maxmemory", limit).arg("maxmemory-policy", policy)
    }

    /// Adds a line of `redis.conf`, after all others: `.arg("client-output-buffer-limit", "pubsub 1mb 1mb 1")`.
    ///
    /// The value stands as it is, so quote what has spaces inside one word.
    pub fn arg(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((key.into(), value.into()));
        self
    }

    /// The user information of a URL, with the `@`, or nothing when the server asks for none.
    pub(crate) fn url_user_info(&self) -> String {
        match self.login() {
            Some((user, password)) => format!(
                "{}:{}@",
                percent_encode(user.unwrap_or_default()),
                percent_encode(password)
            ),
            None => String::new(),
        }
    }

    /// The first user's name, if it has one, and password.
    fn login(&self) -> Option<(Option<&str>, &str)> {
        match (self.acl_users.first(), &self.password) {
            (Some(user), _) => Some((Some(&user.name), &user.password)),
            (None, Some(password)) => Some((None, password)),
            (None, None) => None,
        }
    }

    /// How a server with these options logs in to another one, in `MIGRATE`.
    pub(crate) fn migrating_user(&self) -> Vec<String> {
        let words = match self.login() {
            Some((Some(user), password)) => vec!["AUTH2", user, password],
            Some((None, password)) => vec!["AUTH", password],
            None => Vec::new(),
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// Lets a sentinel log in to servers with these options.
    pub(crate) fn watched_by(&self, mut sentinel: Self, name: &str) -> Self {
        if let Some((user, password)) = self.login() {
            sentinel = sentinel.arg("sentinel auth-pass", format!("{name} {}", quoted(password)));
            if let Some(user) = user {
                sentinel = sentinel.arg("sentinel auth-user", format!("{name} {user}"));
            }
        }
        sentinel
    }

    /// The first user's name and password, as `redis-cli` takes them.
    pub(crate) fn cli_user(&self) -> Vec<String> {
        let words = match self.login() {
            Some((Some(user), password)) => vec!["--user", user, "--pass", password],
            Some((None, password)) => vec!["--pass", password],
            None => return Vec::new(),
        };
        let quiet = std::iter::once("--no-auth-warning");
        quiet.chain(words).map(str::to_owned).collect()
    }

    /// The text of `redis.conf`, for a server on `port` whose cluster bus, if it is a node, is on `bus`.
    pub(crate) fn conf(
        &self,
        dir: &Path,
        port: u16,
        bus: Option<u16>,
        certificates: Option<&Certificates>,
    ) -> String {
        let mut conf = String::new();
        let mut line = |key: &str, value: &str| {
            writeln!(conf, "{key} {value}").expect("writing to a string cannot fail")
        };
        let path = |path: &Path| {
            quoted(
                path.to_str()
                    .expect("the temporary folder has a UTF-8 name"),
            )
        };

        line("bind", "127.0.0.1");
        line("daemonize", "no");
        line("dir", &path(dir));
        if self.role != Role::Sentinel {
            line("save", "\"\"");
            // A replica is there as soon as it can be.
            line("repl-diskless-sync-delay", "0");
            if let Some((user, password)) = self.login() {
                line("masterauth", &quoted(password));
                if let Some(user) = user {
                    line("masteruser", user);
                }
            }
        }
        if let Some(bus) = bus {
            line("cluster-enabled", "yes");
            line("cluster-port", &bus.to_string());
            line("cluster-node-timeout", "500");
        }
        if let Some(certificates) = certificates {
            line("port", "0");
            line("tls-port", &port.to_string());
            line(
                "tls-auth-clients",
                if self.demands_certificates {
                    "yes"
                } else {
                    "no"
                },
            );
            line("tls-replication", "yes");
            if bus.is_some() {
                line("tls-cluster", "yes");
            }
            line("tls-ca-cert-file", &path(&certificates.ca_path));
            line("tls-cert-file", &path(&certificates.cert_path));
            line("tls-key-file", &path(&certificates.key_path));
        } else {
            line("port", &port.to_string());
        }
        if self.append_only {
            line("appendonly", "yes");
            line("appendfsync", "always");
        }
        for user in &self.acl_users {
            line(
                "user",
                &format!(
                    "{} on {} {}",
                    user.name,
                    quoted(&format!(">{}", user.password)),
                    user.rules
                ),
            );
        }
        match &self.password {
            Some(password) => line("requirepass", &quoted(password)),
            None if !self.acl_users.is_empty() => line("user", "default off"),
            None => {}
        }
        for (key, value) in &self.extra {
            line(key, value);
        }
        conf
    }
}

/// One word of `redis.conf`, whatever characters it has.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}
