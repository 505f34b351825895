//! The environment over the file, and the builder over both.

use std::time::Duration;

use super::super::Builder;
use super::super::setting::Setting;
use super::{read, said_to};

/// The last word on a key of a cache.
fn last(builder: &Builder, cache: &str, key: &str) -> Option<Setting> {
    let said = builder.said();
    let words = said.get(cache)?;
    let of_key = words.iter().filter(|said| said.key == key);
    of_key.max_by_key(|said| said.rank)?.setting.clone()
}

fn seconds(seconds: u64) -> Option<Setting> {
    Some(Setting::Ttl(Duration::from_secs(seconds)))
}

#[test]
fn nothing_said_means_process_memory() {
    let (_folder, builder) = read("", []);
    let builder = builder.expect("it is understood");
    assert!(builder.said()["default"].is_empty());
    builder.checked().expect("nothing is wrong");
}

#[test]
fn the_environment_counts_over_the_file_and_code_over_both() {
    let file = "
        [caches.default]
        ttl = 10
        ttl_short = 1
        [caches.sessions]
        ttl = \"10m\"";
    let (_folder, plain) = read(file, []);
    let plain = plain.expect("it is understood");
    assert_eq!(last(&plain, "default", "ttl"), seconds(10));
    assert_eq!(last(&plain, "sessions", "ttl"), seconds(600));

    let (_folder, short) = read(file, [("CACHE_TTL_DEFAULT", "20")]);
    let short = short.expect("it is understood");
    assert_eq!(last(&short, "default", "ttl"), seconds(20));

    let variables = [
        ("CACHE_TTL_DEFAULT", "20"),
        ("LARDER__CACHES__DEFAULT__TTL", "30s"),
        ("LARDER__CACHES__SESSIONS__TTL", "40"),
    ];
    let (_folder, long) = read(file, variables);
    let long = long.expect("it is understood");
    assert_eq!(last(&long, "default", "ttl"), seconds(30));
    assert_eq!(last(&long, "sessions", "ttl"), seconds(40));
    assert_eq!(
        last(&long, "default", "ttl_short"),
        Some(Setting::TtlShort(Duration::from_secs(1)))
    );

    let code = long.ttl_default(Duration::from_secs(50));
    assert_eq!(last(&code, "default", "ttl"), seconds(50));
    assert_eq!(last(&code, "sessions", "ttl"), seconds(40));
}

#[test]
fn every_short_variable_counts_for_the_default_cache() {
    let (_folder, builder) = read(
        "",
        [
            ("CACHE_URL", " redis://one "),
            ("CACHE_PREFIX", "shop"),
            ("CACHE_VERSION", "v2"),
            ("CACHE_TTL_DEFAULT", "60"),
            ("CACHE_TTL_SHORT", "5"),
            ("CACHE_TTL_LONG", "2h"),
            ("CACHE_START_DEGRADED", "true"),
            ("CACHE_CONSUMER", "worker-1"),
        ],
    );
    let builder = builder.expect("it is understood");
    let expected = [
        ("prefix", Setting::Prefix("shop".to_owned())),
        ("version", Setting::Version("v2".to_owned())),
        ("ttl", Setting::Ttl(Duration::from_secs(60))),
        ("ttl_short", Setting::TtlShort(Duration::from_secs(5))),
        ("ttl_long", Setting::TtlLong(Duration::from_secs(7_200))),
        ("start_degraded", Setting::StartDegraded(true)),
    ];
    for (key, setting) in expected {
        assert_eq!(last(&builder, "default", key), Some(setting), "{key}");
    }
    let Some(Setting::Uri(uri)) = last(&builder, "default", "uri") else {
        panic!("CACHE_URL says where the default cache is");
    };
    assert_eq!(uri.0, "redis://one");
    assert!(format!("{builder:?}").contains("consumer: Some(\"worker-1\")"));
}

#[cfg(feature = "redis")]
#[test]
fn other_libraries_url_counts_where_nobody_says_anything_else() {
    let redis_url = ("REDIS_URL", "redis://theirs");
    for (file, variable, expected) in [
        ("", ("CACHE_URL", ""), "redis://theirs"),
        ("", ("CACHE_URL", "redis://ours"), "redis://ours"),
        (
            "caches.default.uri = 'redis://file'",
            ("CACHE_URL", ""),
            "redis://file",
        ),
        (
            "caches.default.provider = 'redis'",
            ("CACHE_URL", ""),
            "redis://theirs",
        ),
    ] {
        let (_folder, builder) = read(file, [variable, redis_url]);
        let builder = builder.expect("it is understood");
        builder.clone().checked().expect("it fits together");
        let Some(Setting::Uri(uri)) = last(&builder, "default", "uri") else {
            panic!("there is an address");
        };
        assert_eq!(uri.0, expected);
    }
    let (_folder, builder) = read("caches.default.provider = 'memory'", [redis_url]);
    let plans = builder.expect("it is understood").plans();
    assert_eq!(plans, "default: memory");
}

#[test]
fn who_overrides_a_provider_need_not_take_away_what_the_other_one_had() {
    let file = "
        [caches.default]
        provider = 'redis'
        uri = 'redis://localhost'
        codec = 'json'
        [caches.sessions]
        provider = 'memory'
        max_entries = 7";
    let memory_everywhere = [("CACHE_URL", "memory")];
    let (_folder, builder) = read(file, memory_everywhere);
    assert_eq!(
        builder.expect("it is understood").plans(),
        "default: memory, sessions: memory"
    );
    let off = [
        ("LARDER__CACHES__DEFAULT__PROVIDER", "off"),
        ("LARDER__CACHES__SESSIONS__PROVIDER", "off"),
    ];
    let (_folder, builder) = read(file, off);
    assert_eq!(
        builder.expect("it is understood").plans(),
        "default: off, sessions: off"
    );
}

#[cfg(feature = "redis")]
#[test]
fn who_overrides_an_address_need_not_take_away_its_certificates() {
    let file = "caches.default = { uri = 'rediss://x', root_certificates = 'nowhere.pem' }";
    assert_eq!(said_to(file, []).len(), 1);
    assert!(said_to(file, [("CACHE_URL", "redis://localhost")]).is_empty());
}

#[test]
fn what_is_said_for_another_provider_waits_for_it() {
    // The file is the same everywhere; a variable says where the cache is, or that it is nowhere.
    let file = "caches.default = { prefix = 'shop', codec = 'json' }";
    assert!(said_to(file, [("CACHE_URL", "memory")]).is_empty());
    let off = ("LARDER__CACHES__DEFAULT__PROVIDER", "off");
    assert!(said_to(file, [off]).is_empty());
    let redis_url = ("REDIS_URL", "redis://localhost");
    assert!(said_to("caches.default.max_entries = 5", [redis_url]).is_empty());
    // A cache that is switched off keeps what it had.
    assert!(
        said_to(
            "caches.default = { provider = 'off', uri = 'redis://x', ttl = 7 }",
            []
        )
        .is_empty()
    );
}

#[test]
fn variables_find_caches_whose_names_they_cannot_spell() {
    let (_folder, builder) = read(
        "[caches.User-Sessions]\nttl = 1\n[caches.empty]",
        [
            ("LARDER__CACHES__USER_SESSIONS__TTL", "2"),
            ("LARDER__CACHES__NEW__ONE__TTL", "3"),
        ],
    );
    let builder = builder.expect("it is understood");
    assert_eq!(last(&builder, "User-Sessions", "ttl"), seconds(2));
    assert_eq!(last(&builder, "new__one", "ttl"), seconds(3));
    assert_eq!(
        builder.plans(),
        "User-Sessions: memory, default: memory, empty: memory, new__one: memory"
    );
}

#[test]
fn caches_of_the_file_whose_names_differ_little_are_two() {
    let file = "caches = { a-b = { ttl = 1 }, a_b = { ttl = 2 }, A_B = { ttl = 3 } }";
    let (_folder, builder) = read(file, [("LARDER__CACHES__A_B__TTL", "4")]);
    let builder = builder.expect("it is understood");
    for (name, ttl) in [("a-b", 1), ("a_b", 4), ("A_B", 3)] {
        assert_eq!(last(&builder, name, "ttl"), seconds(ttl), "{name}");
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let (_folder, builder) = read(
        "caches.default.ttl = 10",
        [
            ("LARDER_CONFIG", ""),
            ("LARDER__CACHES__DEFAULT__TTL", " "),
            ("LARDER__CACHES__SESSIONS__TTL", ""),
            ("CACHE_TTL_DEFAULT", ""),
        ],
    );
    let builder = builder.expect("it is understood");
    assert_eq!(last(&builder, "default", "ttl"), seconds(10));
    assert_eq!(builder.plans(), "default: memory");
}

#[test]
fn larder_config_names_the_file() {
    let elsewhere = tempfile::tempdir().expect("there is room");
    let path = elsewhere.path().join("caches.toml");
    std::fs::write(&path, "caches.default.ttl = 20").expect("it is written");
    let path = path.to_str().expect("it is text");
    let (_folder, builder) = read("caches.default.ttl = 10", [("LARDER_CONFIG", path)]);
    let builder = builder.expect("it is understood");
    assert_eq!(last(&builder, "default", "ttl"), seconds(20));
}

#[test]
fn every_way_to_write_a_value_is_understood() {
    let file = "
        [caches.default]
        ttl = 'never'
        ttl_short = '1m 30s'
        ttl_long = '${HOURS}'
        max_entries = '${ENTRIES}'
        compress_above = '4KiB'
        lease = 0x1e
        start_degraded = '${DEGRADED}'";
    let variables = [("HOURS", "2h"), ("ENTRIES", "70"), ("DEGRADED", "1")];
    let (_folder, builder) = read(file, variables);
    let builder = builder.expect("it is understood");
    for (key, setting) in [
        ("ttl", Setting::Ttl(Duration::MAX)),
        ("ttl_short", Setting::TtlShort(Duration::from_secs(90))),
        ("ttl_long", Setting::TtlLong(Duration::from_secs(7_200))),
        ("max_entries", Setting::MaxEntries(70)),
        ("compress_above", Setting::CompressAbove(4_096)),
        ("lease", Setting::Lease(Duration::from_secs(30))),
        ("start_degraded", Setting::StartDegraded(true)),
    ] {
        assert_eq!(last(&builder, "default", key), Some(setting), "{key}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let file = "
        [caches.default]
        uri = 'redis://ada:hunter2@localhost'
        prefix = '${SECRET}'";
    let (_folder, builder) = read(
        file,
        [
            ("SECRET", "swordfish"),
            (
                "LARDER__CACHES__SESSIONS__URI",
                "redis://ada:hunter2@localhost",
            ),
        ],
    );
    let shown = format!(
        "{:#?}",
        builder.expect("it is understood").url("redis://:hunter2@b")
    );
    assert!(shown.contains("prefix"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("swordfish"),
        "{shown}"
    );
    let shown = format!(
        "{:?}",
        Builder::default().url("redis://ada:hunter2@localhost")
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
