//! `larder.toml` and the environment, on real servers and in processes of their own.

use std::path::Path;
use std::process::{Command, Output};

use larder::{Caches, InitError, LayerName, Ttl, cache_read};
use larder_testkit::RedisServer;
use redis::AsyncCommands as _;
use tempfile::TempDir;

#[cache_read(key = "user:{id}")]
async fn user(id: u64) -> String {
    format!("user {id}")
}

#[cache_read(key = "session:{id}", cache = "sessions")]
async fn session(id: u64) -> String {
    format!("session {id}")
}

larder::invalidate_on!("session.ended", tags = ["session:{id}"], cache = "sessions");

fn folder(file: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    std::fs::write(folder.path().join("larder.toml"), file).expect("it is written");
    folder
}

async fn build(folder: &TempDir) -> Result<Caches, InitError> {
    let file = folder.path().join("larder.toml");
    larder::builder().file(file).build().await
}

async fn connection(url: &str) -> redis::aio::ConnectionManager {
    let client = redis::Client::open(url).expect("it is a URL");
    let manager = redis::aio::ConnectionManager::new(client).await;
    manager.expect("the server is there")
}

#[tokio::test]
async fn functions_use_the_caches_of_the_file() {
    let server = RedisServer::start().await;
    let url = server.url_with(2);
    let folder = folder(&format!(
        r#"
[caches.default]
uri = "{url}"
prefix = "shop"
ttl = 300

[caches.sessions]
provider = "redis"
uri = "{url}"
prefix = "shop.sessions"
version = "v2"
ttl = "30s"
codec = "json"
compression = "none"
time_budget = "5s"
lease = "10s"
"#
    ));
    let caches = build(&folder).await.expect("the server is there");
    larder::scope(caches.clone(), async {
        assert_eq!(user(7).await, "user 7");
        assert_eq!(session(7).await, "session 7");
        assert_eq!(session(7).await, "session 7");
    })
    .await;
    let sessions = caches.named("sessions").expect("it is in the file");
    assert_eq!((sessions.stats().loads, sessions.stats().hits), (1, 1));

    let mut raw = connection(&url).await;
    for (key, above, upto) in [
        ("shop:v1::user:7", 30_000, 300_000),
        ("shop.sessions:v2::session:7", 0, 30_000),
    ] {
        let left: i64 = raw.pttl(key).await.expect("it answers");
        assert!(left > above && left <= upto, "{key}: {left}");
    }
    let bytes: Vec<u8> = raw
        .get("shop.sessions:v2::session:7")
        .await
        .expect("it is there");
    let json = b"\"session 7\"";
    assert!(bytes.windows(json.len()).any(|window| window == json));
}

#[tokio::test]
async fn a_ttl_of_never_is_forever() {
    let server = RedisServer::start().await;
    let folder = folder(&format!(
        "[caches.default]\nuri = '{}'\nttl_long = 'never'",
        server.url()
    ));
    let caches = build(&folder).await.expect("the server is there");
    let set = caches.default_cache().set("key", &1_u8).ttl(Ttl::Long);
    set.await.expect("it is stored");
    let left: i64 = connection(&server.url())
        .await
        .pttl("larder:v1::key")
        .await
        .expect("it answers");
    assert_eq!(left, -1);
}

#[tokio::test]
async fn certificates_lie_beside_the_file() {
    let server = RedisServer::builder().tls().start().await;
    let folder = folder(&format!(
        "[caches.default]\nuri = '{}'\nroot_certificates = 'ca.pem'",
        server.url()
    ));
    std::fs::write(folder.path().join("ca.pem"), server.ca_pem()).expect("it is written");
    let caches = build(&folder).await.expect("the server is trusted");
    caches.default_cache().ping().await.expect("it answers");

    std::fs::write(folder.path().join("ca.pem"), "no certificate").expect("it is written");
    let error = build(&folder).await.expect_err("nobody is trusted");
    let text = error.to_string();
    assert!(
        text.contains("larder.toml:3:21: `root_certificates` cannot be used: there is no certificate in PEM format in it"),
        "{text}"
    );
}

#[tokio::test]
async fn all_servers_that_cannot_be_used_are_told_at_once() {
    let gone = RedisServer::start().await;
    gone.kill();
    let strict = RedisServer::builder().password("swordfish").start().await;
    let folder = folder(&format!(
        "
[caches.default]
uri = 'redis://ada:hunter2@127.0.0.1:{}'
[caches.sessions]
uri = 'redis://:hunter2@127.0.0.1:{}'
[caches.users]
provider = 'memory'
",
        gone.port(),
        strict.port()
    ));
    let error = build(&folder).await.expect_err("none can be used");
    let text = format!("{error}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("cache `default`: `redis://127.0.0.1:"),
        "{text}"
    );
    assert!(lines[0].contains("start_degraded"), "{text}");
    assert!(
        lines[1].starts_with("cache `sessions`: `redis://127.0.0.1:"),
        "{text}"
    );
    assert!(lines[1].contains("refused"), "{text}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
}

#[tokio::test]
async fn functions_use_the_layers_of_the_file() {
    let (near, far) = (RedisServer::start().await, RedisServer::start().await);
    let folder = folder(&format!(
        r#"
[caches.default]
prefix = "shop"
ttl = 300
codec = "msgpack"
[caches.default.layers.l1]
backend = "memory"
max_size = 1000
ttl = 60
[caches.default.layers.l2]
backend = "redis"
url = "{}"
ttl = 120
[caches.default.layers.l3]
backend = "redis"
url = "{}"
reach = "shared"
ttl = 3600
[caches.default.layers.l4]
backend = "file"
path = "entries"
enabled = false
"#,
        near.url(),
        far.url()
    ));
    let caches = build(&folder).await.expect("the servers are there");
    larder::scope(caches.clone(), async {
        assert_eq!(user(7).await, "user 7");
        assert_eq!(user(7).await, "user 7");
    })
    .await;
    let cache = caches.default_cache();
    cache.settle().await;
    let tiers = cache.stats().tiers;
    let layers: Vec<_> = tiers.iter().filter_map(|tier| tier.layer).collect();
    assert_eq!(layers, [LayerName::L1, LayerName::L2, LayerName::L3]);
    // Process memory is trusted once the store tells of changes; until then the hit is a store's.
    let hits: u64 = tiers.iter().map(|tier| tier.hits).sum();
    assert_eq!((hits, cache.stats().loads), (1, 1));
    for (server, above, upto) in [(&near, 0, 120_000), (&far, 120_000, 300_000)] {
        let left: i64 = connection(&server.url())
            .await
            .pttl("shop:v1::user:7")
            .await
            .expect("it answers");
        assert!(left > above && left <= upto, "{left}");
    }
    let health = caches.health().await;
    assert!(health.is_healthy(), "{health:?}");
    assert_eq!(health.caches[0].tiers.len(), 3);
}

#[tokio::test]
async fn all_layers_that_cannot_be_used_are_told_at_once() {
    let (near, far) = (RedisServer::start().await, RedisServer::start().await);
    let folder = folder(&format!(
        "
[caches.default.layers.l2]
url = 'redis://ada:hunter2@127.0.0.1:{}'
[caches.default.layers.l3]
url = 'redis://ada:hunter2@127.0.0.1:{}'
[caches.sessions.layers.l1]
[caches.sessions.layers.l2]
url = '{}'
",
        near.port(),
        far.port(),
        far.url_with(3),
    ));
    near.kill();
    far.kill();
    let error = build(&folder).await.expect_err("none can be used");
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, layer) in lines.iter().zip([
        "cache `default`, layer `l2`: `redis://127.0.0.1:",
        "cache `default`, layer `l3`: `redis://127.0.0.1:",
        "cache `sessions`, layer `l2`: `redis://127.0.0.1:",
    ]) {
        assert!(line.starts_with(layer), "{text}");
    }
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");

    let variables = [("LARDER__CACHES__SESSIONS__LAYERS__L2__ENABLED", "false")];
    let file =
        "[caches.sessions.layers.l1]\n[caches.sessions.layers.l2]\nurl = 'redis://nowhere.invalid'";
    std::fs::write(folder.path().join("larder.toml"), file).expect("it is written");
    let text = run(folder.path(), &variables);
    assert!(text.contains("stores: memory memory"), "{text}");
}

#[tokio::test]
async fn what_code_gives_stands_in_place_of_the_file() {
    // Its server is not there, and is not asked.
    let gone = RedisServer::start().await;
    gone.kill();
    let folder = folder(&format!(
        "[caches.default]\nprovider = 'off'\n[caches.sessions]\nuri = '{}'",
        gone.url()
    ));
    let caches = larder::builder()
        .file(folder.path().join("larder.toml"))
        .url("memory")
        .cache("sessions", larder::Cache::memory())
        .build()
        .await
        .expect("nothing is wrong");
    for name in ["default", "sessions"] {
        let cache = caches.named(name).expect("it is there");
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(
            cache.get("key").await.expect("it answers"),
            Some(1_u8),
            "{name}"
        );
    }
    let own = larder::builder()
        .cache("default", larder::Cache::off())
        .build()
        .await;
    let shown = format!("{:?}", own.expect("nothing is wrong").default_cache());
    assert!(shown.contains("off"), "{shown}");
}

/// Not a test by itself: what a process does that [`run`] starts.
#[tokio::test]
async fn program() {
    if std::env::var_os("AS_A_PROGRAM").is_none() {
        return;
    }
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .init();
    if let Err(error) = larder::init().await {
        println!("{error}");
        return;
    }
    println!("{}", session(7).await);
    let health = larder::health().await;
    let stores = health.caches.iter().flat_map(|cache| &cache.tiers);
    println!(
        "stores: {}",
        stores
            .map(|tier| tier.store.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    );
    match larder::cache_named("session") {
        Ok(cache) => println!("{cache:?}"),
        Err(error) => println!("{error}"),
    }
}

/// Runs [`program`] in this directory with these variables and no others of ours.
fn run(directory: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this test is a file"));
    command
        .args(["--exact", "program", "--nocapture"])
        .current_dir(directory)
        .env("AS_A_PROGRAM", "1");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CACHE_", "REDIS_URL", "LARDER_"]
            .iter()
            .any(|ours| name.starts_with(ours))
        {
            command.env_remove(&*name);
        }
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .envs(variables.iter().copied())
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{text}{}",
        String::from_utf8_lossy(&stderr)
    );
    text
}

#[tokio::test]
async fn a_process_reads_the_file_where_it_runs_and_the_environment_over_it() {
    let server = RedisServer::builder().password("hunter2").start().await;
    let folder = folder(&format!(
        "
[caches.default]
max_entries = 100
[caches.sessions]
uri = 'redis://:${{SESSIONS_PASSWORD}}@127.0.0.1:{}/1'
time_budget = '5s'
",
        server.port()
    ));
    let password = ("SESSIONS_PASSWORD", "hunter2");
    let text = run(
        folder.path(),
        &[password, ("LARDER__CACHES__SESSIONS__PREFIX", "shop")],
    );
    assert!(text.contains("session 7"), "{text}");
    let stores = format!("stores: memory redis://127.0.0.1:{}/1", server.port());
    assert!(text.contains(&stores), "{text}");
    assert!(
        text.contains("there is no cache `session`; known: default, sessions"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    let url = format!("redis://:hunter2@127.0.0.1:{}/1", server.port());
    let there: bool = connection(&url)
        .await
        .exists("shop:v1::session:7")
        .await
        .expect("it answers");
    assert!(there);

    let text = run(
        folder.path(),
        &[password, ("LARDER__CACHES__SESSIONS__PROVIDER", "memory")],
    );
    assert!(text.contains("stores: memory memory"), "{text}");

    let text = run(folder.path(), &[]);
    assert!(
        text.contains(
            "larder.toml:5:7: `uri` wants the variable `SESSIONS_PASSWORD`, which is not set"
        ),
        "{text}"
    );
}

#[test]
fn a_process_without_a_file_needs_none_but_the_one_that_is_named() {
    let empty = tempfile::tempdir().expect("there is room");
    let text = run(
        empty.path(),
        &[("LARDER__CACHES__SESSIONS__MAX_ENTRIES", "10")],
    );
    assert!(text.contains("stores: memory memory"), "{text}");
    let text = run(empty.path(), &[("LARDER_CONFIG", "caches.toml")]);
    assert!(
        text.contains("caches.toml: the file cannot be read"),
        "{text}"
    );
}

#[test]
fn a_function_whose_cache_nobody_speaks_of_is_told_with_the_other_mistakes() {
    let folder = folder("[caches.session]\nprovider = 'memory'\nprefix = 'shop'\nttl = 'soon'");
    let text = run(folder.path(), &[("LARDER__CACHES__SESSION__COLOUR", "red")]);
    for line in [
        "larder.toml:3:10: `prefix` has no meaning for `memory`, only for stores: leave it out",
        "larder.toml:4:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"soon\"",
        "LARDER__CACHES__SESSION__COLOUR: unknown key `COLOUR`; known: PROVIDER,",
        "tests/config.rs:16: config::session: there is no cache `sessions`: did you mean `session`? known: default, session",
        "invalidate_on!: there is no cache `sessions`: did you mean `session`? known: default, session",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_function_whose_cache_a_mistake_hides_is_no_second_mistake() {
    let empty = tempfile::tempdir().expect("there is room");
    let variable = ("LARDER__CACHE__SESSIONS__TTL", "5");
    for (file, variables) in [
        ("[caches.sessions\nttl = 5", &[][..]),
        ("[chaches.sessions]\nttl = 5", &[]),
        ("[[caches]]\nname = 'sessions'", &[]),
        ("[caches]\nsessions = 'memory'", &[]),
        ("", &[variable]),
        ("", &[("LARDER_CONFIG", "caches.toml")]),
    ] {
        let folder = folder(file);
        let text = run(folder.path(), variables);
        assert!(!text.contains("there is no cache"), "{file}: {text}");
        assert!(!text.contains("session 7"), "{file}: {text}");
    }
    // Here the cache is known, and only its key is not.
    let variable = ("LARDER__CACHES__SESSIONS__TLL", "5");
    let text = run(empty.path(), &[variable]);
    assert!(text.contains("unknown key `TLL`"), "{text}");
    assert!(!text.contains("there is no cache"), "{text}");
}

#[test]
fn a_variable_that_is_nearly_ours_is_warned_of_without_its_text() {
    let folder = folder("[caches.sessions]");
    let text = run(
        folder.path(),
        &[("CACHE_URI", "redis://ada:hunter2@localhost")],
    );
    let warning = "CACHE_URI is set, but larder has no such variable: did you mean CACHE_URL?";
    assert!(text.contains(warning), "{text}");
    assert!(text.contains("session 7"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_given_stands_in_place_of_the_one_that_was_found() {
    let folder = folder("[caches.sessions]\nttl = 0");
    let error = build(&folder)
        .await
        .expect_err("it is read when the caches are built");
    let InitError::Mistakes(mistakes) = error else {
        panic!("{error}");
    };
    assert_eq!(mistakes.len(), 1);
    assert!(
        mistakes[0].place.ends_with("larder.toml:2:7"),
        "{}",
        mistakes[0]
    );
    assert!(mistakes[0].problem.starts_with("`ttl` must be a duration"));
}

#[tokio::test]
async fn the_time_budget_of_the_file_is_the_caches() {
    let server = RedisServer::start().await;
    let folder = folder(&format!(
        "[caches.default]\nuri = '{}'\ntime_budget = '70ms'\nstart_degraded = true",
        server.url()
    ));
    let caches = build(&folder).await.expect("it starts");
    server.pause();
    let error = caches
        .default_cache()
        .ping()
        .await
        .expect_err("it is silent");
    server.resume();
    assert!(
        error.to_string().ends_with("did not answer within 70ms"),
        "{error}"
    );
}
