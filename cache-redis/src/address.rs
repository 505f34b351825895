//! Addresses: what the servers are, and where. What is shown of a URL never includes what is secret in it.

use std::collections::HashSet;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use url::Url;

/// The port of a sentinel whose address has none.
const SENTINEL_PORT: u16 = 26_379;

/// What the URLs of a store say.
pub(crate) enum Address {
    /// One server.
    Server(ConnectionInfo),
    /// Some servers of a cluster, with the same user.
    Cluster(Vec<ConnectionInfo>),
    /// Sentinels that know where the primary is.
    Sentinels {
        sentinels: Vec<ConnectionAddr>,
        /// User and password of the sentinels.
        login: RedisConnectionInfo,
        /// What the sentinels call the primary.
        primary: String,
        /// User, password and database of the servers.
        server: RedisConnectionInfo,
    },
}

/// Why an address is none: the URL, and what is wrong with it.
pub(crate) struct Mistaken<'u> {
    pub(crate) url: &'u str,
    pub(crate) reason: String,
}

impl Address {
    /// Reads the URLs of a cluster, or the one URL of whatever it is.
    pub(crate) fn parse(urls: &[String], is_cluster: bool) -> Result<Self, Mistaken<'_>> {
        let Some(first) = urls.first() else {
            return Err(Mistaken {
                url: "",
                reason: "a cluster needs the address of at least one server".to_owned(),
            });
        };
        if let Some(scheme) = sentinel_scheme(first) {
            let mistaken = |reason| Mistaken { url: first, reason };
            return Self::sentinels(first, scheme).map_err(mistaken);
        }
        let mut servers = Vec::new();
        for url in urls {
            for one in split(url) {
                let mistaken = |reason| Mistaken { url, reason };
                let server = one.as_str().into_connection_info();
                let server = server.map_err(|error| mistaken(error.to_string()))?;
                if is_cluster || urls.len() > 1 || split(url).len() > 1 {
                    let other = servers.first().unwrap_or(&server);
                    fits(&server, other).map_err(|reason| mistaken(reason.to_owned()))?;
                }
                servers.push(server);
            }
        }
        match <[ConnectionInfo; 1]>::try_from(servers) {
            Ok([server]) if !is_cluster => Ok(Self::Server(server)),
            Ok(server) => Ok(Self::Cluster(server.into())),
            Err(servers) => Ok(Self::Cluster(servers)),
        }
    }

    fn sentinels(url: &str, scheme: &str) -> Result<Self, String> {
        let like =
            "sentinels are written `redis+sentinel://host:26379,other:26379/name-of-the-primary/0`";
        let mut found = Vec::new();
        for one in split(url) {
            let mut parsed = Url::parse(&one).map_err(|error| format!("{error}; {like}"))?;
            if is_misread(&parsed) {
                return Err(
                    "a `/`, `?`, `#` or `@` in a password is written `%2F`, `%3F`, `%23` or `%40`"
                        .to_owned(),
                );
            }
            if parsed.port().is_none() {
                let _ = parsed.set_port(Some(SENTINEL_PORT));
            }
            found.push(parsed);
        }
        let url = found.first().ok_or(like)?.clone();
        let mut path = url.path_segments().into_iter().flatten();
        let primary = path.next().unwrap_or_default();
        let primary = percent_decode_str(primary).decode_utf8_lossy().into_owned();
        let database = path.next().unwrap_or_default().to_owned();
        if primary.is_empty() || path.next().is_some() {
            return Err(like.to_owned());
        }
        // The client reads the rest, of what would be the URL of a server.
        let as_server = |mut url: Url| {
            url.set_path(&database);
            let text = url.as_str();
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            format!("{scheme}://{rest}").into_connection_info()
        };
        let servers: Result<Vec<ConnectionInfo>, _> = found.into_iter().map(as_server).collect();
        let servers = servers.map_err(|error| error.to_string())?;
        let mut login = RedisConnectionInfo::default();
        for (key, value) in url.query_pairs() {
            match &*key {
                "sentinel_user" => login = login.set_username(value),
                "sentinel_password" => login = login.set_password(value),
                _ => {}
            }
        }
        Ok(Self::Sentinels {
            login,
            primary,
            server: servers[0].redis_settings().clone(),
            sentinels: servers.iter().map(|server| server.addr().clone()).collect(),
        })
    }

    fn addresses(&self) -> Vec<&ConnectionAddr> {
        match self {
            Self::Server(server) => vec![server.addr()],
            Self::Cluster(servers) => servers.iter().map(ConnectionInfo::addr).collect(),
            Self::Sentinels { sentinels, .. } => sentinels.iter().collect(),
        }
    }

    /// Whether all of it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.addresses().into_iter().all(|address| match address {
            ConnectionAddr::Unix(_) => true,
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => {
                let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
                host == "localhost" || host.parse().is_ok_and(is_loopback)
            }
            _ => false,
        })
    }

    pub(crate) fn has_tls(&self) -> bool {
        let is_tls = |address: &ConnectionAddr| matches!(address, ConnectionAddr::TcpTls { .. });
        self.addresses().into_iter().any(is_tls)
    }

    /// Whether both name the same database. Names of machines are taken as they are written; of servers
    /// that belong together, one that both name is enough.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        fn place(address: &Address) -> (HashSet<String>, i64, Option<&str>) {
            let all = address.addresses().into_iter().map(ToString::to_string);
            let (database, primary) = match address {
                Address::Server(server) => (server.redis_settings().db(), None),
                Address::Cluster(_) => (0, None),
                Address::Sentinels {
                    server, primary, ..
                } => (server.db(), Some(primary.as_str())),
            };
            (all.collect(), database, primary)
        }
        let (here, there) = (place(self), place(other));
        (here.1, here.2) == (there.1, there.2) && !here.0.is_disjoint(&there.0)
    }
}

/// Whether a server can be one of a cluster with another.
fn fits(server: &ConnectionInfo, other: &ConnectionInfo) -> Result<(), &'static str> {
    let (settings, others) = (server.redis_settings(), other.redis_settings());
    let is_tls = |server: &ConnectionInfo| matches!(server.addr(), ConnectionAddr::TcpTls { .. });
    if matches!(server.addr(), ConnectionAddr::Unix(_)) {
        Err("the servers of a cluster have no sockets: name their hosts")
    } else if settings.db() != 0 {
        Err(
            "a cluster has no database but 0: leave the number out, and take a `prefix` of your own",
        )
    } else if (settings.username(), settings.password()) != (others.username(), others.password())
        || is_tls(server) != is_tls(other)
    {
        Err(
            "the servers of a cluster have one user, password and scheme: write the same in each URL",
        )
    } else {
        Ok(())
    }
}

/// The scheme of the servers, if the URL is one of sentinels.
fn sentinel_scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    let server = scheme.strip_suffix("+sentinel")?;
    matches!(server, "redis" | "rediss" | "valkey" | "valkeys").then_some(server)
}

/// A URL for each of the hosts in a URL.
fn split(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![url.to_owned()];
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let hosts_at = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, hosts) = authority.split_at(hosts_at);
    let one = |host| format!("{scheme}://{user}{host}{path}");
    hosts.split(',').map(one).collect()
}

/// The URLs as they may be shown: as one, with all hosts.
pub(crate) fn shown(urls: &[String]) -> String {
    let all: Vec<String> = urls.iter().flat_map(|url| split(url)).collect();
    let Some((first, others)) = all.split_first() else {
        return String::new();
    };
    let host = |url: &String| {
        let parsed = Url::parse(url).ok().filter(|parsed| !is_misread(parsed))?;
        let host = parsed.host_str()?.to_owned();
        Some(match parsed.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        })
    };
    let hosts: Option<Vec<String>> = others.iter().map(host).collect();
    match (host(first), hosts) {
        (Some(own), Some(hosts)) if !hosts.is_empty() => {
            let all = format!("{own},{}", hosts.join(","));
            one_shown(first).replacen(&own, &all, 1)
        }
        _ => {
            let shown: Vec<String> = urls.iter().map(|url| one_shown(url)).collect();
            shown.join(", ")
        }
    }
}

/// A URL as it may be shown: without user, password and query.
fn one_shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !is_misread(&parsed) => {
            // Both fail only for URLs that cannot have them.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.set_query(None);
            parsed.set_fragment(None);
            parsed.into()
        }
        // What stands before an `@` may be a password, and what stands after a `?` may be one, too.
        _ => match url.rsplit_once('@') {
            Some((before, _)) if before.contains(['?', '#']) => "…".to_owned(),
            Some((_, rest)) => format!("…@{}", without_query(rest)),
            None => without_query(url).to_owned(),
        },
    }
}

/// Whether the URL has an `@` behind the host: then a `/`, `?` or `#` in a password has ended what was
/// taken for the host.
fn is_misread(url: &Url) -> bool {
    let rest = [Some(url.path()), url.query(), url.fragment()];
    rest.into_iter().flatten().any(|part| part.contains('@'))
}

/// A prefix or version as it may be shown: short, without control characters, and not at all if it
/// may be an address.
pub(crate) fn name_shown(name: &str) -> String {
    const SHOWN: usize = 40;
    if name.contains("://") || name.contains('@') {
        return "…".to_owned();
    }
    let shown = name.chars().take(SHOWN).flat_map(char::escape_debug);
    let more = name.chars().nth(SHOWN).map(|_| '…');
    shown.chain(more).collect()
}

fn without_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or(text)
}

/// Everything in the URLs that must not be shown, longest first.
pub(crate) fn secrets(urls: &[String]) -> Vec<String> {
    let mut secrets = Vec::new();
    for url in urls.iter().flat_map(|url| split(url)) {
        let Ok(parsed) = Url::parse(&url) else {
            continue;
        };
        // As it is in the URL, and as it is sent.
        secrets.extend(parsed.password().map(str::to_owned));
        let sent = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        secrets.extend(parsed.password().map(sent));
        let is_secret = |key: &str| matches!(key, "pass" | "sentinel_password");
        let pairs = parsed.query_pairs();
        secrets.extend(
            pairs
                .filter(|(key, _)| is_secret(key))
                .map(|(_, v)| v.into()),
        );
    }
    secrets.retain(|secret: &String| !secret.is_empty());
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            ("redis://localhost:6379/2", "redis://localhost:6379/2"),
            (
                "redis://ada:hunter2@localhost:6379/2",
                "redis://localhost:6379/2",
            ),
            (
                "rediss://:hunter2@cache.example.org",
                "rediss://cache.example.org",
            ),
            (
                "redis+unix:///run/redis.sock?db=1&pass=hunter2",
                "redis+unix:///run/redis.sock",
            ),
            ("redis://ada:hunter2@local host:6379", "…@local host:6379"),
            ("ada:hunter2@localhost", "…@localhost"),
            ("redis://ada:hunt@er2@localhost:x", "…@localhost:x"),
            // A `/`, `?` or `#` in a password ends what is taken for the host.
            ("redis://ada:/hunter2@localhost:6379", "…@localhost:6379"),
            ("redis://ada:1/hunter2@localhost:6379", "…@localhost:6379"),
            ("redis://ada:1?hunter2@localhost:6379", "…"),
            ("redis://ada:1#hunter2@localhost:6379", "…"),
            ("redis://localhost?pass=a@hunter2", "…"),
            ("redis+unix:///run/redis.sock?pass=a@hunter2", "…"),
            ("redis+unix:///run/redis@2.sock?pass=hunter2", "…@2.sock"),
            ("localhost:6379", "localhost:6379"),
            ("redis://ada:hunter2@a:1,b:2,c/0", "redis://a:1,b:2,c/0"),
            (
                "rediss+sentinel://ada:hunter2@a,b:2/shop/0?sentinel_password=hunter2",
                "rediss+sentinel://a,b:2/shop/0",
            ),
            ("redis://ada:hunter2@a:1,b:x", "…@a:1,b:x"),
            ("redis://ada:hunt,er2@a:1,b:2", "redis://a:1,b:2"),
            ("redis://ada:1/hunter2@a:1,b:2", "…@a:1,b:2"),
        ] {
            let shown = shown(&[url.to_owned()]);
            assert_eq!(shown, expected);
            assert!(!shown.contains("hunter2"));
        }
    }

    #[test]
    fn a_name_that_is_an_address_is_not_shown() {
        assert_eq!(name_shown("our shop"), "our shop");
        assert_eq!(name_shown("our\nshop"), "our\\nshop");
        assert_eq!(
            name_shown(&"x".repeat(1_000)),
            format!("{}…", "x".repeat(40))
        );
        assert_eq!(name_shown("redis://ada:hunter2@localhost"), "…");
        assert_eq!(name_shown("ada:hunter2@localhost"), "…");
    }

    fn parse(urls: &[&str], is_cluster: bool) -> Result<Address, String> {
        let urls: Vec<String> = urls.iter().map(|&url| url.to_owned()).collect();
        Address::parse(&urls, is_cluster).map_err(|mistaken| mistaken.reason)
    }

    fn hosts(address: &Address) -> Vec<String> {
        address
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn many_hosts_are_a_cluster() {
        let one = parse(&["redis://u:p,w@a:1,b:2,[::1]:3/0"], false).expect("it is one");
        assert_eq!(hosts(&one), ["a:1", "b:2", "::1:3"]);
        let Address::Cluster(servers) = &one else {
            panic!("it is a cluster");
        };
        assert!(
            servers
                .iter()
                .all(|server| server.redis_settings().password() == Some("p,w"))
        );
        let many = parse(&["redis://b:2", "redis://z:9"], true).expect("it is one");
        assert!(one.is_same_place(&many), "one address in common");
        let single = parse(&["redis://b:2"], true).expect("it is one");
        assert!(many.is_same_place(&single));
        assert!(matches!(single, Address::Cluster(_)));
        assert!(matches!(
            parse(&["redis://b:2"], false),
            Ok(Address::Server(_))
        ));
    }

    #[test]
    fn a_cluster_has_one_database_and_one_user() {
        for urls in [
            &["redis://a,b/2"][..],
            &["redis://a", "redis://u:p@b"],
            &["redis://a", "rediss://b"],
            &["redis+unix:///run/redis.sock"],
            &[],
        ] {
            assert!(parse(urls, true).is_err(), "{urls:?}");
        }
    }

    #[test]
    fn sentinels_have_a_port_a_name_and_a_login_of_their_own() {
        let url = "redis+sentinel://u:p@a,b:7/shop/2?sentinel_user=s&sentinel_password=q";
        let address = parse(&[url], false).expect("they are");
        assert_eq!(hosts(&address), ["a:26379", "b:7"]);
        let Address::Sentinels {
            login,
            primary,
            server,
            ..
        } = &address
        else {
            panic!("they are sentinels");
        };
        assert_eq!(primary, "shop");
        assert_eq!(
            (server.username(), server.password(), server.db()),
            (Some("u"), Some("p"), 2)
        );
        assert_eq!((login.username(), login.password()), (Some("s"), Some("q")));
        let other = parse(&["redis+sentinel://b:7/shop/1"], false).expect("they are");
        assert!(!address.is_same_place(&other), "another database");
        for nonsense in [
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel://a/shop/0/1",
            "redis+sentinel://a/shop/x",
            "redis+sentinel://a:x/shop",
        ] {
            assert!(parse(&[nonsense], false).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn what_is_on_this_machine_is_told_from_the_rest() {
        for (url, is_local) in [
            ("redis://127.0.0.1:1", true),
            ("redis://127.8.8.8", true),
            ("redis://[::1]:1,localhost:2", true),
            ("redis+unix:///run/redis.sock", true),
            ("redis://localhost:1,example.org:2", false),
            ("redis://10.0.0.1", false),
            ("redis+sentinel://localhost/shop", true),
        ] {
            let address = parse(&[url], false).expect("it is one");
            assert_eq!(address.is_local(), is_local, "{url}");
        }
    }
}
