//! What a Redis server is asked to be, and the `redis.conf` that says so.

use std::fmt::Write as _;
use std::path::Path;

use crate::tls::Certificates;

/// Options of a [`RedisServer`](crate::RedisServer) that is about to start.
///
/// Without options: one node on 127.0.0.1, no password, no TLS, nothing kept on disk.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing runs before `start`"]
pub struct RedisServerBuilder {
    password: Option<String>,
    acl_users: Vec<Credentials>,
    pub(crate) tls: bool,
    append_only: bool,
    extra: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Credentials {
    name: String,
    password: String,
}

impl RedisServerBuilder {
    /// Adds a user who may do everything. The first one is the user in [`url`](crate::RedisServer::url).
    ///
    /// The default user is switched off, unless [`password`](Self::password) gives it one: a client that forgets
    /// to name its user is refused.
    pub fn acl_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.acl_users.push(Credentials {
            name: name.into(),
            password: password.into(),
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
        self.tls = true;
        self
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
        match (self.acl_users.first(), &self.password) {
            (Some(user), _) => format!(
                "{}:{}@",
                percent_encode(&user.name),
                percent_encode(&user.password)
            ),
            (None, Some(password)) => format!(":{}@", percent_encode(password)),
            (None, None) => String::new(),
        }
    }

    /// The text of `redis.conf`.
    pub(crate) fn conf(
        &self,
        dir: &Path,
        port: u16,
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
        line("save", "\"\"");
        line("dir", &path(dir));
        if let Some(certificates) = certificates {
            line("port", "0");
            line("tls-port", &port.to_string());
            line("tls-auth-clients", "no");
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
                    "{} on {} ~* &* +@all",
                    user.name,
                    quoted(&format!(">{}", user.password))
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
