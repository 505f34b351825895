//! Addresses: one server, without a password, because the protocol has none.

use url::{Host, Url};

const DEFAULT_PORT: u16 = 11_211;

/// Where the server is, as the client takes it: `tcp://host:port`.
pub(crate) fn parse(url: &str) -> Result<String, &'static str> {
    let url = Url::parse(url).map_err(|_| "it does not read as a URL")?;
    if url.scheme() != "memcached" {
        return Err("the scheme is another one");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there are no users and passwords in memcached's protocol");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("there is nothing to say behind host and port");
    }
    match url.host() {
        None => Err("there is no host in it"),
        Some(Host::Ipv6(_)) => Err("the client connects by IPv4"),
        Some(Host::Domain(host)) if host.contains(',') => Err("it names more than one server"),
        Some(host) => Ok(format!(
            "tcp://{host}:{}",
            url.port().unwrap_or(DEFAULT_PORT)
        )),
    }
}

/// The URL as it may be shown. One that has no business with a password may have one all the same.
pub(crate) fn shown(url: &str) -> String {
    if url.contains(['@', '?', '#']) {
        "memcached://…".to_owned()
    } else {
        shortened(url)
    }
}

/// A prefix or version as it may be shown: not at all if it may be an address.
pub(crate) fn name_shown(name: &str) -> String {
    if name.contains("://") || name.contains('@') {
        "…".to_owned()
    } else {
        shortened(name)
    }
}

/// Not too much of a text from outside, and without control characters.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    let shown = text.chars().take(SHOWN).flat_map(char::escape_debug);
    let more = text.chars().nth(SHOWN).map(|_| '…');
    shown.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (url, expected) in [
            ("memcached://127.0.0.1:11311", Ok("tcp://127.0.0.1:11311")),
            (
                "memcached://cache.example.org",
                Ok("tcp://cache.example.org:11211"),
            ),
            ("memcached://localhost/", Ok("tcp://localhost:11211")),
            (
                "memcached://localhost:port",
                Err("it does not read as a URL"),
            ),
            ("localhost:11211", Err("the scheme is another one")),
            ("redis://localhost:11211", Err("the scheme is another one")),
            ("memcached:", Err("there is no host in it")),
            (
                "memcached://[::1]:11211",
                Err("the client connects by IPv4"),
            ),
            ("memcached://one:1,two:2", Err("it does not read as a URL")),
            (
                "memcached://one,two:2",
                Err("it names more than one server"),
            ),
            (
                "memcached://ada:hunter2@localhost",
                Err("there are no users and passwords in memcached's protocol"),
            ),
            (
                "memcached://localhost/2",
                Err("there is nothing to say behind host and port"),
            ),
            (
                "memcached://localhost?tls",
                Err("there is nothing to say behind host and port"),
            ),
        ] {
            assert_eq!(parse(url).as_deref(), expected.as_deref(), "{url}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "memcached://ada:hunter2@localhost",
            "memcached://:hunter2@local host",
            "memcached://localhost?password=hunter2",
            "memcached://ada:1#hunter2@localhost",
        ] {
            assert!(!shown(url).contains("hunter2"), "{url}");
        }
        assert_eq!(name_shown("memcached://hunter2"), "…");
        assert_eq!(name_shown("our\nshop"), "our\\nshop");
        assert_eq!(shown("memcached://localhost:1"), "memcached://localhost:1");
    }
}
