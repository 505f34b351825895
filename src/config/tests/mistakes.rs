//! What is said to every mistake, word for word.

use std::path::Path;

use super::super::environment::Environment;
use super::super::{Builder, builder};
#[cfg(feature = "redis")]
use super::read;
use super::{folder, lines, said_to};

#[test]
fn each_mistake_has_its_place_and_a_way_out() {
    for (file, expected) in [
        // The file as a whole.
        (
            "caches.default = {",
            "larder.toml:1:19: this is not TOML: unclosed inline table, expected `}`",
        ),
        (
            "[caches.default]\nttl = 1\nttl = 2",
            "larder.toml:3:1: this is not TOML: duplicate key",
        ),
        (
            "cache.default.ttl = 1",
            "larder.toml:1:1: unknown key `cache`: did you mean `caches`?",
        ),
        (
            "[tables]",
            "larder.toml:1:2: unknown key `tables`: the file has tables of caches, like `[caches.default]`",
        ),
        (
            "[layers.l1]",
            "larder.toml:1:2: `layers` belongs into the table of a cache, like `[caches.default.layers.l1]`",
        ),
        (
            "ttl = 1",
            "larder.toml:1:1: `ttl` belongs into the table of a cache, like `[caches.default]`",
        ),
        (
            "[caches]\nttl = 1",
            "larder.toml:2:1: `ttl` belongs into the table of a cache, like `[caches.default]`",
        ),
        (
            "caches = 'memory'",
            "larder.toml:1:10: `caches` must be a table with one for each cache, like `[caches.default]`, not a text",
        ),
        (
            "[[caches]]\nttl = 1",
            "larder.toml:1:3: `caches` must be a table with one for each cache, not an array: write `[caches.default]` in place of `[[caches]]`",
        ),
        (
            "[caches]\nsessions = 5",
            "larder.toml:2:12: `caches.sessions` must be a table, like `[caches.sessions]`, not an integer",
        ),
        (
            "[caches.'our sessions']",
            "larder.toml:1:9: the name of a cache has letters, digits, `-` and `_`, unlike `our sessions`",
        ),
        // Keys.
        (
            "[caches.default]\n  max_entires = 5",
            "larder.toml:2:3: unknown key `max_entires`: did you mean `max_entries`?",
        ),
        (
            "[caches.default]\ncolour = 'red'",
            "larder.toml:2:1: unknown key `colour`; known: provider, uri, urls, path, bucket, region, endpoint, access_key_id, secret_access_key, ttl, ttl_short, ttl_long, max_entries, max_size, keep_over_reboots, prefix, version, codec, compression, compress_above, coherence, time_budget, lease, start_degraded, root_certificates, client_certificate, client_key, wait_for_replicas, wait_within, layers",
        ),
        (
            "[caches.default]\nuri = 'memory'\nurl = 'memory'",
            "larder.toml:3:1: `url` is another name for `uri`: leave one of them out",
        ),
        // Values.
        (
            "[caches.default]\nprovider = 'memroy'",
            "larder.toml:2:12: `provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"memroy\": did you mean `memory`?",
        ),
        (
            "[caches.default]\nprovider = false",
            "larder.toml:2:12: `provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not false",
        ),
        (
            "[caches.default]\nuri = 6379",
            "larder.toml:2:7: `uri` must be a text, not 6379",
        ),
        (
            "[caches.default]\nuri = 'http://ada:hunter2@localhost'",
            "larder.toml:2:7: `uri` begins with `http://`, which is no store: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            "[caches.default]\nuri = 'hunter2@localhost'",
            "larder.toml:2:7: `uri` is no store's address: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            "[caches.default]\nttl = 0",
            "larder.toml:2:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not 0",
        ),
        (
            "[caches.default]\nttl = -5",
            "larder.toml:2:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not -5",
        ),
        (
            "[caches.default]\nttl_short = '300'",
            "larder.toml:2:13: `ttl_short` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"300\"",
        ),
        (
            "[caches.default]\nttl_long = '101 years'",
            "larder.toml:2:12: `ttl_long` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"101 years\"",
        ),
        (
            "[caches.default]\nmax_entries = 0",
            "larder.toml:2:15: `max_entries` must be a whole number above zero, not 0",
        ),
        (
            "[caches.default]\nmax_entries = '10'",
            "larder.toml:2:15: `max_entries` must be a whole number above zero, not \"10\"",
        ),
        (
            "[caches.default]\nmax_entries = 1.5",
            "larder.toml:2:15: `max_entries` must be a whole number above zero, not a fraction",
        ),
        (
            "[caches.default]\nprefix = ['shop']",
            "larder.toml:2:10: `prefix` must be a text, not an array",
        ),
        (
            "[caches.default]\nversion = ''",
            "larder.toml:2:11: `version` must be a text, not \"\"",
        ),
        (
            "[caches.default]\ncodec = 'msgpak'",
            "larder.toml:2:9: `codec` must be `postcard`, `json` or `msgpack`, not \"msgpak\": did you mean `msgpack`?",
        ),
        (
            "[caches.default]\ncompression = 'gzip'",
            "larder.toml:2:15: `compression` must be `none`, `lz4` or `zstd`, not \"gzip\"",
        ),
        (
            "[caches.default]\ncompress_above = '4 cats'",
            "larder.toml:2:18: `compress_above` must be a number of bytes, like 4096 or \"4KiB\", not \"4 cats\"",
        ),
        (
            "[caches.default]\ntime_budget = 'never'",
            "larder.toml:2:15: `time_budget` must be a duration from 1ms to 100 years, like 5 (seconds) or \"250ms\", not \"never\"",
        ),
        (
            "[caches.default]\nlease = '20ms'",
            "larder.toml:2:9: `lease` must be a duration of at least 30ms, like 10 (seconds) or \"10s\", not \"20ms\"",
        ),
        (
            "[caches.default]\nstart_degraded = 'yes'",
            "larder.toml:2:18: `start_degraded` must be `true` or `false`, not \"yes\"",
        ),
        (
            "[caches.default]\nroot_certificates = 1979-05-27",
            "larder.toml:2:21: `root_certificates` must be a text, not a date",
        ),
        // Variables in values.
        (
            "[caches.default]\nuri = '${NOBODY}'",
            "larder.toml:2:7: `uri` wants the variable `NOBODY`, which is not set",
        ),
        (
            "[caches.default]\nprefix = '$HOME'",
            "larder.toml:2:10: `prefix` has a `$` that begins no `${VARIABLE}`: the character itself is written `$$`",
        ),
        // What would be process memory, though nobody meant it.
        (
            "[caches.defualt]\nttl = 5",
            "larder.toml:1:9: the cache of functions that name none is called `default`, not `defualt`: did you mean `[caches.default]`?",
        ),
        (
            "[caches.Default]",
            "larder.toml:1:9: the cache of functions that name none is called `default`, not `Default`: did you mean `[caches.default]`?",
        ),
        (
            "[caches.sessions]\nttl = '30s'\nprefix = 'shop'",
            "larder.toml:3:10: `prefix` has a meaning only for stores: say where it is, like `uri = \"redis://localhost:6379/0\"`",
        ),
        // What does not fit together.
        (
            "[caches.default]\nprovider = 'memory'\nuri = 'redis://localhost'",
            "larder.toml:3:7: `uri` has no meaning for `memory`, only for `redis`, `redis-cluster`, `redis-sentinel`, `memcached` or `http`: leave it out",
        ),
        (
            "[caches.default]\nuri = 'memory'\ncodec = 'json'",
            "larder.toml:3:9: `codec` has no meaning for `memory`, only for stores: leave it out",
        ),
    ] {
        assert_eq!(said_to(file, []), [expected], "{file}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn each_mistake_about_redis_too() {
    for (file, expected) in [
        (
            "[caches.default]\nprovider = 'redis'",
            "larder.toml:2:12: `provider` is `redis`, which needs a `uri`, like `redis://localhost:6379/0`",
        ),
        (
            // It counts as said: one mistake does not cause another.
            "[caches.default]\nprovider = 'redis'\nuri = '${NOBODY}'",
            "larder.toml:3:7: `uri` wants the variable `NOBODY`, which is not set",
        ),
        (
            "[caches.default]\nprovider = 'redis'\nuri = 'memory'",
            "larder.toml:3:7: `uri` is process memory's, but `provider` is `redis`: leave one of them out",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'\nmax_entries = 5",
            "larder.toml:3:15: `max_entries` has no meaning for `redis`, only for `memory`: leave it out",
        ),
        (
            "[caches.default]\nuri = 'redis://ada:hunter2@localhost/two'",
            "larder.toml:2:7: `redis://localhost/two` is not a Redis URL (Invalid database number - InvalidClientConfig): it looks like `redis://user:password@host:6379/0`, or `rediss://` with TLS",
        ),
        (
            "[caches.default]\nuri = 'redis://${SECRET}@localhost/two'",
            "larder.toml:2:7: `uri` is not a Redis URL: it looks like `redis://user:password@host:6379/0`; what variables put into it is not shown",
        ),
        (
            "[caches.default]\nuri = '${SECRET}://localhost'",
            "larder.toml:2:7: `uri` is no store's address: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'\nprefix = 'our shop'",
            "larder.toml:3:10: the prefix `our shop` may have only letters, digits, `-`, `_` and `.`",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'\nversion = '${SECRET}:'",
            "larder.toml:3:11: `version` may have only letters, digits, `-`, `_` and `.`; what variables put into it is not shown",
        ),
        (
            "[caches.default]\nttl = '${SECRET}'",
            "larder.toml:2:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not what its variable says, which is not shown",
        ),
        (
            "[caches.default]\ncodec = '${SECRET}'",
            "larder.toml:2:9: `codec` must be `postcard`, `json` or `msgpack`, not what its variable says, which is not shown",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'\ncompress_above = 10",
            "larder.toml:3:18: `compress_above` has no meaning without `compression`: say which one",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'\nroot_certificates = 'larder.toml'",
            "larder.toml:3:21: `root_certificates` has no meaning without TLS: its `uri` begins with `rediss://`",
        ),
        (
            "[caches.default]\nuri = 'rediss://localhost'\nroot_certificates = 'ca.pem'",
            "larder.toml:3:21: `root_certificates` cannot be read: No such file or directory (os error 2)",
        ),
        (
            "[caches.default]\nuri = 'rediss://localhost'\nroot_certificates = '.'",
            "larder.toml:3:21: `root_certificates` cannot be read: it is not a file",
        ),
        (
            "[caches.a]\nuri = 'redis://localhost'\n[caches.b]\nuri = 'redis://ada@localhost:6379/0'",
            "larder.toml:4:7: cache `a` and cache `b` would share their keys: they have the same server, database, prefix and version; give cache `b` a `prefix` of its own",
        ),
    ] {
        assert_eq!(said_to(file, [("SECRET", "hunter2")]), [expected], "{file}");
    }
    let apart = "
        [caches.a]
        uri = 'redis://localhost'
        [caches.b]
        uri = 'redis://localhost/1'
        [caches.c]
        uri = 'redis://localhost'
        prefix = 'c'
        [caches.d]
        uri = 'redis://localhost'
        version = 'v2'";
    assert!(said_to(apart, []).is_empty());
}

#[test]
fn an_address_in_the_wrong_place_is_not_shown() {
    for (file, variables, expected) in [
        (
            "[caches.default]\nprovider = 'redis://ada:hunter2@localhost'",
            [("", "")],
            "larder.toml:2:12: `provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"…\": did you mean `redis`?",
        ),
        (
            "",
            [(
                "LARDER__CACHES__SESSIONS__PROVIDER",
                "redis://ada:hunter2@localhost",
            )],
            "LARDER__CACHES__SESSIONS__PROVIDER: `provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"…\": did you mean `redis`?",
        ),
        (
            "[caches.default]\nttl = 'ada:hunter2@localhost'",
            [("", "")],
            "larder.toml:2:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"…\"",
        ),
        (
            "[caches.default]\nuri = 'ada:hunter2://localhost'",
            [("", "")],
            "larder.toml:2:7: `uri` is no store's address: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            "[caches.'redis://ada:hunter2@localhost']",
            [("", "")],
            "larder.toml:1:9: the name of a cache has letters, digits, `-` and `_`, unlike `…`",
        ),
        (
            "'redis://ada:hunter2@localhost' = 1",
            [("", "")],
            "larder.toml:1:1: unknown key `…`: the file has tables of caches, like `[caches.default]`",
        ),
        (
            "",
            [("LARDER_CONFIG", "redis://ada:hunter2@localhost")],
            "…: the file cannot be read: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(said_to(file, variables), [expected], "{file}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn an_address_among_the_settings_of_redis_is_not_shown() {
    for (file, variables, expected) in [
        (
            "[caches.default]\nuri = 'redis://localhost'\nprefix = 'redis://ada:hunter2@localhost'",
            [("", "")],
            "larder.toml:3:10: the prefix `…` may have only letters, digits, `-`, `_` and `.`",
        ),
        (
            "[caches.default]\nuri = 'redis://localhost'",
            [("CACHE_PREFIX", "redis://ada:hunter2@localhost")],
            "CACHE_PREFIX: the prefix `…` may have only letters, digits, `-`, `_` and `.`",
        ),
        (
            "[caches.default]\nuri = 'redis://ada:/hunter2@localhost'",
            [("", "")],
            "larder.toml:2:7: `…@localhost` is not a Redis URL (Invalid database number - InvalidClientConfig): it looks like `redis://user:password@host:6379/0`, or `rediss://` with TLS",
        ),
        (
            "[caches.default]\nuri = 'redis://ada:1/hunter2@localhost'",
            [("", "")],
            "larder.toml:2:7: `…@localhost` is not a Redis URL (Invalid database number - InvalidClientConfig): it looks like `redis://user:password@host:6379/0`, or `rediss://` with TLS",
        ),
    ] {
        assert_eq!(said_to(file, variables), [expected], "{file}");
    }
    let builder = builder().prefix("redis://ada:hunter2@localhost");
    assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_provider_that_is_not_compiled_in_is_told_with_the_line_to_write() {
    assert_eq!(
        said_to(
            "[caches.default]\nprovider = 'redis'\nuri = 'redis://localhost'",
            []
        ),
        [
            "larder.toml:2:12: `provider` wants `redis`, which needs larder's feature `redis`: larder = { version = \"0.1\", features = [\"redis\"] }"
        ]
    );
    assert_eq!(
        said_to("", [("CACHE_URL", "redis://localhost")]),
        [
            "CACHE_URL: `uri` wants `redis`, which needs larder's feature `redis`: larder = { version = \"0.1\", features = [\"redis\"] }"
        ]
    );
    // It is also other libraries' variable.
    assert!(said_to("", [("REDIS_URL", "redis://localhost")]).is_empty());
}

#[cfg(not(feature = "zstd"))]
#[test]
fn a_compression_that_is_not_compiled_in_is_told_with_the_line_to_write() {
    assert_eq!(
        said_to("[caches.default]\ncompression = 'zstd'", []),
        [
            "larder.toml:2:15: `compression` wants `zstd`, which needs larder's feature `zstd`: larder = { version = \"0.1\", features = [\"zstd\"] }"
        ]
    );
}

#[test]
fn each_mistake_in_a_variable_is_told_by_its_name() {
    for ((name, text), expected) in [
        (
            ("LARDER__CACHES__SESSIONS__TTL", "soon"),
            "LARDER__CACHES__SESSIONS__TTL: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"soon\"",
        ),
        (
            ("LARDER__CACHES__SESSIONS__TLL", "5"),
            "LARDER__CACHES__SESSIONS__TLL: unknown key `TLL`: did you mean `LARDER__CACHES__SESSIONS__TTL`?",
        ),
        (
            ("LARDER__CACHES__SESSIONS__COLOUR", "red"),
            "LARDER__CACHES__SESSIONS__COLOUR: unknown key `COLOUR`; known: PROVIDER, URI, URLS, PATH, BUCKET, REGION, ENDPOINT, ACCESS_KEY_ID, SECRET_ACCESS_KEY, TTL, TTL_SHORT, TTL_LONG, MAX_ENTRIES, MAX_SIZE, KEEP_OVER_REBOOTS, PREFIX, VERSION, CODEC, COMPRESSION, COMPRESS_ABOVE, COHERENCE, TIME_BUDGET, LEASE, START_DEGRADED, ROOT_CERTIFICATES, CLIENT_CERTIFICATE, CLIENT_KEY, WAIT_FOR_REPLICAS, WAIT_WITHIN, LAYERS",
        ),
        (
            ("LARDER__CACHE__SESSIONS__TTL", "5"),
            "LARDER__CACHE__SESSIONS__TTL: there is no such variable: they look like `LARDER__CACHES__SESSIONS__TTL`",
        ),
        (
            ("LARDER__CACHES__TTL", "5"),
            "LARDER__CACHES__TTL: there is no such variable: they look like `LARDER__CACHES__SESSIONS__TTL`",
        ),
        (
            ("LARDER__CACHES__OUR SESSIONS__TTL", "5"),
            "LARDER__CACHES__OUR SESSIONS__TTL: there is no such variable: they look like `LARDER__CACHES__SESSIONS__TTL`",
        ),
        (
            (
                "LARDER__CACHES__SESSIONS__URI",
                "http://ada:hunter2@localhost",
            ),
            "LARDER__CACHES__SESSIONS__URI: `uri` begins with `http://`, which is no store: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            ("CACHE_TTL_LONG", "0"),
            "CACHE_TTL_LONG: `ttl_long` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"0\"",
        ),
        (
            ("CACHE_START_DEGRADED", "perhaps"),
            "CACHE_START_DEGRADED: `start_degraded` must be `true` or `false`, not \"perhaps\"",
        ),
        (
            ("LARDER_CONFIG", "/no/such/file.toml"),
            "/no/such/file.toml: the file cannot be read: No such file or directory (os error 2)",
        ),
        (
            ("LARDER_CONFIG", "/dev/zero"),
            "/dev/zero: the file cannot be read: it is not a file",
        ),
    ] {
        assert_eq!(said_to("", [(name, text)]), [expected], "{name}");
    }
}

#[test]
fn a_variable_for_what_would_be_process_memory_is_told() {
    for ((name, text), expected) in [
        (
            ("LARDER__CACHES__DEFUALT__TTL", "5"),
            "LARDER__CACHES__DEFUALT__TTL: nothing else speaks of a cache `defualt`: did you mean `default`?",
        ),
        (
            ("LARDER__CACHES__SESSIONS__VERSION", "v2"),
            "LARDER__CACHES__SESSIONS__VERSION: `version` has a meaning only for stores: say where it is, like `uri = \"redis://localhost:6379/0\"`",
        ),
    ] {
        assert_eq!(said_to("", [(name, text)]), [expected], "{name}");
    }
    // The short variables may be there for other programs.
    assert!(said_to("", [("CACHE_PREFIX", "shop")]).is_empty());
    // There are both caches, and both are meant.
    let both = "[caches.default]\nttl = 5\n[caches.defaults]\nttl = 5";
    let variable = ("LARDER__CACHES__DEFAULTS__TTL", "6");
    assert!(said_to(both, [variable]).is_empty());
    // In process memory, or off, on purpose.
    for provider in ["memory", "off"] {
        let variables = [
            ("CACHE_PREFIX", "shop"),
            ("LARDER__CACHES__DEFAULT__PROVIDER", provider),
        ];
        assert!(said_to("", variables).is_empty(), "{provider}");
    }
    // Code is the same wherever the program runs.
    builder()
        .prefix("shop")
        .checked()
        .expect("it waits for a store");
}

#[test]
fn two_variables_for_one_key_are_told() {
    let variables = [
        ("LARDER__CACHES__SESSIONS__URI", "memory"),
        ("LARDER__CACHES__SESSIONS__URL", "memory"),
    ];
    assert_eq!(
        said_to("", variables),
        [
            "LARDER__CACHES__SESSIONS__URL: LARDER__CACHES__SESSIONS__URI says the same: leave one of them out"
        ]
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let file = "
[caches.sessions]
uri = 'redis://${NOBODY}@localhost'
ttl = 'soon'
[caches.default]
provider = 'memory'
prefix = 'shop'
max_entires = 5
[chaches.other]
";
    assert_eq!(
        said_to(
            file,
            [
                ("CACHE_TTL_SHORT", "x"),
                ("LARDER__CACHES__SESSIONS__LEASE", "1ms")
            ]
        ),
        [
            "larder.toml:3:7: `uri` wants the variable `NOBODY`, which is not set",
            "larder.toml:4:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"soon\"",
            "larder.toml:7:10: `prefix` has no meaning for `memory`, only for stores: leave it out",
            "larder.toml:8:1: unknown key `max_entires`: did you mean `max_entries`?",
            "larder.toml:9:2: unknown key `chaches`: did you mean `caches`?",
            "CACHE_TTL_SHORT: `ttl_short` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"x\"",
            "LARDER__CACHES__SESSIONS__LEASE: `lease` must be a duration of at least 30ms, like 10 (seconds) or \"10s\", not \"1ms\"",
        ]
    );
}

#[test]
fn what_code_says_is_told_by_the_method() {
    let builder = builder().url("http://ada:hunter2@localhost");
    assert_eq!(
        lines(builder.checked(), Path::new("no folder")),
        [
            "larder::builder().url(..): `uri` begins with `http://`, which is no store: use `redis://`, `rediss://`, `memcached://` or `memory`"
        ]
    );
}

#[cfg(feature = "redis")]
#[test]
fn what_does_not_fit_together_in_the_file_can_be_mended_in_code() {
    let (_folder, builder) = read("[caches.default]\nprovider = 'redis'", []);
    let builder = builder.expect("nothing in it is wrong by itself");
    builder.checked().expect_err("there is no address");
    builder
        .url("redis://localhost")
        .checked()
        .expect("there is one");
}

#[cfg(feature = "redis")]
#[test]
fn certificates_that_cannot_be_read_keep_no_other_mistake_from_being_told() {
    assert_eq!(
        said_to(
            "
[caches.default]
uri = 'rediss://localhost'
root_certificates = 'ca.pem'
prefix = 'our shop'
version = 'v 2'
[caches.other]
uri = 'rediss://localhost'
prefix = 'our shop'
version = 'v 2'
",
            []
        ),
        [
            "larder.toml:4:21: `root_certificates` cannot be read: No such file or directory (os error 2)",
            "larder.toml:5:10: the prefix `our shop` may have only letters, digits, `-`, `_` and `.`",
            "larder.toml:6:11: the version `v 2` may have only letters, digits, `-`, `_` and `.`",
            "larder.toml:8:7: cache `default` and cache `other` would share their keys: they have the same server, database, prefix and version; give cache `other` a `prefix` of its own",
            "larder.toml:9:10: the prefix `our shop` may have only letters, digits, `-`, `_` and `.`",
            "larder.toml:10:11: the version `v 2` may have only letters, digits, `-`, `_` and `.`",
        ]
    );
}

#[test]
fn a_hostile_file_costs_little_and_says_little() {
    // Larger than any configuration.
    assert_eq!(
        said_to(&" ".repeat(300_000), []),
        ["larder.toml: the file cannot be read: it is larger than 256 KiB"]
    );
    // Mistakes without end.
    let unknown: String = (0..20_000).map(|n| format!("k{n}=1\n")).collect();
    let said = said_to(&unknown, []);
    assert_eq!(said.len(), 101);
    assert_eq!(said[100], "and: 19900 more mistakes");
    // One line, in which every place is far from its beginning.
    let caches: Vec<String> = (0..20_000).map(|n| format!("c{n}={{}}")).collect();
    assert_eq!(
        said_to(&format!("caches={{{}}}", caches.join(",")), []),
        ["larder.toml: the file has more than 100 caches"]
    );
    // Depth without end, a long word, control characters.
    let deep = format!("caches={}", "[".repeat(100_000));
    assert!(
        said_to(&deep, [])
            .iter()
            .all(|line| line.contains("this is not TOML"))
    );
    let long = said_to(&format!("{} = 1", "x".repeat(200_000)), []);
    assert!(long[0].len() < 150, "{}", long[0].len());
    let escape = said_to("'\u{7f}' = 1\n\"\\u001b[31m\" = 1", []);
    assert!(
        escape.iter().all(|line| !line.contains(char::is_control)),
        "{escape:?}"
    );
}

#[test]
fn a_file_that_is_not_text_is_told() {
    let folder = folder("");
    std::fs::write(folder.path().join("larder.toml"), b"caches\xff").expect("it is written");
    let builder = Builder::read(folder.path(), &Environment::from([("", ""); 0]));
    assert_eq!(
        lines(builder.map(|_| ()), folder.path()),
        ["larder.toml: the file is not UTF-8 text"]
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_told() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let environment = Environment::from([("CACHE_PREFIX", OsString::from_vec(vec![0xff]))]);
    let builder = Builder::read(Path::new("/nowhere"), &environment);
    assert_eq!(
        lines(builder.map(|_| ()), Path::new("no folder")),
        ["CACHE_PREFIX: the variable is not UTF-8 text"]
    );
}
