//! Layers: what is understood, and what is said to mistakes.

use super::super::setting::Rank;
#[cfg(feature = "redis")]
use super::super::setting::Setting;
use super::{read, said_to};

/// The caches that there would be.
fn plans<const N: usize>(file: &str, variables: [(&str, &str); N]) -> String {
    let (_folder, builder) = read(file, variables);
    builder.expect("it is understood").plans()
}

/// The last word on a key of a layer of the default cache.
#[cfg(feature = "redis")]
fn last(file: &str, variables: [(&str, &str); 1], layer: &str, key: &str) -> Option<Setting> {
    let (_folder, builder) = read(file, variables);
    let said = builder.expect("it is understood").said();
    let layer = layer.parse().expect("it is a layer");
    let of_key = said["default"]
        .iter()
        .filter(|said| said.layer == Some(layer) && said.key == key);
    of_key.max_by_key(|said| said.rank)?.setting.clone()
}

const MEMORY: &str = "
    [caches.default]
    ttl = 300
    [caches.default.layers.l1]
    backend = 'memory'
    max_size = 1000
    ttl = 60";

#[test]
fn process_memory_alone_may_be_a_layer() {
    assert!(said_to(MEMORY, []).is_empty());
    assert_eq!(plans(MEMORY, []), "default: l1 memory");
    // The first layer is process memory without a word.
    assert_eq!(
        plans("[caches.default.layers.l1]", []),
        "default: l1 memory"
    );
    assert_eq!(
        plans("caches.default.layers.l1.ttl = 5", []),
        "default: l1 memory"
    );
}

#[cfg(feature = "redis")]
#[test]
fn layers_are_switched_on_and_off_and_moved_by_variables() {
    let file = format!(
        "{MEMORY}
        [caches.default.layers.l2]
        backend = 'redis'
        url = 'redis://127.0.0.1:6379/0'
        [caches.default.layers.l3]
        url = 'redis://node1:6379'
        enabled = false"
    );
    let none = ("", "");
    assert_eq!(plans(&file, []), "default: l1 memory + l2 redis");
    let on = ("LARDER__CACHES__DEFAULT__LAYERS__L3__ENABLED", "true");
    let off = ("LARDER__CACHES__DEFAULT__LAYERS__L1__ENABLED", "false");
    assert_eq!(plans(&file, [on, off]), "default: l2 redis + l3 redis");
    let ttl = ("LARDER__CACHES__DEFAULT__LAYERS__L1__TTL", "2m");
    let minutes = |minutes: u64| Some(Setting::Ttl(std::time::Duration::from_secs(60 * minutes)));
    assert_eq!(last(&file, [none], "l1", "ttl"), minutes(1));
    assert_eq!(last(&file, [ttl], "l1", "ttl"), minutes(2));
}

#[cfg(feature = "redis")]
#[test]
fn a_later_source_that_says_one_store_stands_in_place_of_all_layers() {
    let file = format!("{MEMORY}\nl2 = {{ url = 'redis://localhost' }}")
        .replace(
            "[caches.default.layers.l1]",
            "[caches.default.layers]\nl1.enabled = true",
        )
        .replace("backend = 'memory'", "l1.backend = 'memory'")
        .replace("max_size = 1000", "l1.max_size = 1000")
        .replace("ttl = 60", "l1.ttl = 60");
    assert_eq!(plans(&file, []), "default: l1 memory + l2 redis");
    for (variable, expected) in [
        (("CACHE_URL", "memory"), "default: memory"),
        (("CACHE_URL", "redis://one"), "default: redis"),
        (("LARDER__CACHES__DEFAULT__PROVIDER", "off"), "default: off"),
        // It is also other libraries' variable.
        (
            ("REDIS_URL", "redis://theirs"),
            "default: l1 memory + l2 redis",
        ),
    ] {
        assert!(said_to(&file, [variable]).is_empty(), "{variable:?}");
        assert_eq!(plans(&file, [variable]), expected, "{variable:?}");
    }
    let layer = ("LARDER__CACHES__DEFAULT__LAYERS__L2__URL", "redis://two");
    assert_eq!(
        plans("caches.default.uri = 'redis://one'", [layer]),
        "default: l2 redis"
    );
}

#[test]
fn each_mistake_in_a_layer_has_its_place_and_a_way_out() {
    for (file, expected) in [
        // Tables.
        (
            "caches.default.layers = 'memory'",
            "larder.toml:1:25: `layers` must be a table with one for each layer, like `[caches.default.layers.l1]`, not a text",
        ),
        (
            "[[caches.default.layers]]\nbackend = 'memory'",
            "larder.toml:1:18: `layers` must be a table with one for each layer, not an array: write it like `[caches.default.layers.l1]`",
        ),
        (
            "[caches.default.layers]\nbackend = 'memory'",
            "larder.toml:2:1: `backend` belongs into the table of a layer, like `[caches.default.layers.l1]`",
        ),
        (
            "[caches.default.layers]\nl1 = 'memory'",
            "larder.toml:2:6: `layers.l1` must be a table, like `[caches.default.layers.l1]`, not a text",
        ),
        (
            "[caches.default.layers.l5]",
            "larder.toml:1:24: there is no layer `l5`: the layers are called `l1`, `l2`, `l3` and `l4`",
        ),
        (
            "[caches.default.layers.L2]",
            "larder.toml:1:24: there is no layer `L2`: did you mean `l2`?",
        ),
        (
            "[caches.layers]\nl1 = {}",
            "larder.toml:2:1: unknown key `l1`; known: provider, uri, urls, path, bucket, region, endpoint, access_key_id, secret_access_key, ttl, ttl_short, ttl_long, max_entries, max_size, keep_over_reboots, prefix, version, codec, compression, compress_above, coherence, time_budget, lease, start_degraded, root_certificates, client_certificate, client_key, wait_for_replicas, wait_within, layers",
        ),
        // Keys.
        (
            "[caches.default.layers.l1]\nbackand = 'memory'",
            "larder.toml:2:1: unknown key `backand`: did you mean `backend`?",
        ),
        (
            "[caches.default.layers.l1]\ncolour = 'red'",
            "larder.toml:2:1: unknown key `colour`; known: backend, url, urls, path, bucket, region, endpoint, access_key_id, secret_access_key, enabled, reach, ttl, max_entries, max_size, keep_over_reboots, prefix, version, time_budget, root_certificates, client_certificate, client_key, wait_for_replicas, wait_within",
        ),
        (
            "[caches.default.layers.l1]\nbackend = 'memory'\nprovider = 'memory'",
            "larder.toml:2:1: `backend` is another name for `provider`: leave one of them out",
        ),
        (
            "[caches.default.layers.l1]\ncodec = 'json'",
            "larder.toml:2:9: `codec` is the cache's, not a layer's, because an entry is encoded once, however many layers keep it: say it in `[caches.default]`",
        ),
        (
            "[caches.default.layers.l1]\nlease = 5",
            "larder.toml:2:9: `lease` is the cache's, not a layer's, because one layer keeps the leases for all: say it in `[caches.default]`",
        ),
        (
            "[caches.default]\nenabled = false",
            "larder.toml:2:11: `enabled` is said of a layer, like `[caches.default.layers.l2]`",
        ),
        (
            "[caches.default]\nmax_entries = 5\n[caches.default.layers.l1]",
            "larder.toml:2:15: `max_entries` belongs into a layer, where a cache has some, like `[caches.default.layers.l1]`",
        ),
        (
            "[caches.default]\nmax_entries = 5\nmax_size = 5",
            "larder.toml:3:12: `max_entries` says the same: leave one of them out",
        ),
        // Values.
        (
            "[caches.default.layers.l1]\nbackend = 'memroy'",
            "larder.toml:2:11: `backend` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"memroy\": did you mean `memory`?",
        ),
        (
            "[caches.default.layers.l1]\nenabled = 'no'",
            "larder.toml:2:11: `enabled` must be `true` or `false`, not \"no\"",
        ),
        (
            "[caches.default.layers.l1]\nmax_size = '1GiB'",
            "larder.toml:2:12: `max_size` of process memory is a number of entries, without a unit: what a value weighs in memory is not known",
        ),
        (
            "[caches.default.layers.l1]\nmax_size = 0",
            "larder.toml:2:12: `max_size` must be a number of entries, or a size like \"1GiB\", not 0",
        ),
        (
            "[caches.default.layers.l1]\nreach = 'host'",
            "larder.toml:2:9: `reach` has no meaning for `memory`, only for stores: leave it out",
        ),
        (
            "[caches.default.layers.l2]\nreach = 'process'\nenabled = false\n[caches.default.layers.l1]",
            "larder.toml:2:9: `reach` must be `host` or `shared`, not \"process\"",
        ),
        (
            "[caches.default]\ncoherence = 'pull'\n[caches.default.layers.l1]",
            "larder.toml:2:13: `coherence` must be `push`, `strict` or `ttl`, not \"pull\"",
        ),
        (
            "[caches.default]\nurls = 'redis://ada:hunter2@one'",
            "larder.toml:2:8: `urls` must be a list of texts, like [\"redis://node1:6379\", \"redis://node2:6379\"], not \"…\"",
        ),
        (
            "[caches.default]\nurls = []",
            "larder.toml:2:8: `urls` must be a list of texts, like [\"redis://node1:6379\", \"redis://node2:6379\"], not an empty array",
        ),
        (
            "[caches.default]\nurls = [['redis://one']]",
            "larder.toml:2:8: `urls` must be a list of texts, like [\"redis://node1:6379\", \"redis://node2:6379\"], not an array",
        ),
        // Which layers there are.
        (
            "[caches.default.layers.l2]\nttl = 5",
            "larder.toml:2:7: layer `l2` needs a `backend`, like `backend = \"redis\"`",
        ),
        (
            "[caches.default.layers.l2]",
            "larder.toml:1:24: layer `l2` needs a `backend`, like `backend = \"redis\"`",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 'memory'",
            "larder.toml:2:11: process memory is `l1`, the layer above all stores, not `l2`",
        ),
        (
            "[caches.default.layers.l1]\nurl = 'redis://localhost'",
            "larder.toml:2:7: `l1` is process memory, above all stores: let `redis` be `l2`, `l3` or `l4`",
        ),
        (
            "[caches.default.layers.l1]\nbackend = 'off'",
            "larder.toml:2:11: a layer is switched off by `enabled = false`",
        ),
        (
            "[caches.default.layers.l1]\nenabled = false",
            "larder.toml:2:11: no layer of the cache is enabled: to keep nothing, say `provider = \"off\"` of the cache, without layers",
        ),
        // Layers beside one store.
        (
            "[caches.default]\nprovider = 'memory'\n[caches.default.layers.l1]\nbackend = 'memory'",
            "larder.toml:2:12: `provider` says where the cache is as a whole, but it has layers: leave one of them out",
        ),
        (
            "[caches.default]\nuri = 'memory'\n[caches.default.layers.l1]\nttl = 5",
            "larder.toml:4:7: the cache has no layers, because `uri` says where it is as a whole: leave one of them out",
        ),
        (
            "[caches.default]\ncoherence = 'strict'",
            "larder.toml:2:13: `coherence` has a meaning only for a cache with layers: leave it out",
        ),
    ] {
        assert_eq!(said_to(file, []), [expected], "{file}");
    }
}

#[test]
fn each_mistake_in_a_variable_of_a_layer_is_told_by_its_name() {
    for (name, text, expected) in [
        (
            "LARDER__CACHES__DEFAULT__LAYERS__L5__TTL",
            "5",
            "LARDER__CACHES__DEFAULT__LAYERS__L5__TTL: there is no layer `L5`: the layers are called `l1`, `l2`, `l3` and `l4`",
        ),
        (
            "LARDER__CACHES__DEFAULT__LAYERS__L1__TLL",
            "5",
            "LARDER__CACHES__DEFAULT__LAYERS__L1__TLL: unknown key `TLL`: did you mean `LARDER__CACHES__DEFAULT__LAYERS__L1__TTL`?",
        ),
        (
            "LARDER__CACHES__DEFAULT__LAYERS__L1",
            "memory",
            "LARDER__CACHES__DEFAULT__LAYERS__L1: there is no such variable: they look like `LARDER__CACHES__SESSIONS__TTL`",
        ),
        (
            "LARDER__CACHES__DEFAULT__LAYERS__L1__MAX_SIZE",
            "1GiB",
            "LARDER__CACHES__DEFAULT__LAYERS__L1__MAX_SIZE: `max_size` of process memory is a number of entries, without a unit: what a value weighs in memory is not known",
        ),
    ] {
        assert_eq!(said_to("", [(name, text)]), [expected], "{name}");
    }
    // As many as a variable has names for a layer.
    let variables = [
        ("LARDER__CACHES__DEFAULT__LAYERS__L1__BACKEND", "memory"),
        ("LARDER__CACHES__DEFAULT__LAYERS__L1__PROVIDER", "memory"),
    ];
    assert_eq!(
        said_to("", variables),
        [
            "LARDER__CACHES__DEFAULT__LAYERS__L1__PROVIDER: LARDER__CACHES__DEFAULT__LAYERS__L1__BACKEND says the same: leave one of them out"
        ]
    );
}

#[test]
fn what_is_said_of_a_layer_that_is_switched_off_waits_for_it() {
    let file = format!(
        "{MEMORY}
        [caches.default.layers.l4]
        backend = 's3'
        bucket = 'my-cache-bucket'
        path = '/nothing/of/s3'
        enabled = false"
    );
    assert!(said_to(&file, []).is_empty());
    assert_eq!(plans(&file, []), "default: l1 memory");
}

#[cfg(feature = "redis")]
#[test]
fn each_mistake_about_layers_on_servers_too() {
    for (file, expected) in [
        (
            "[caches.default.layers.l2]\nbackend = 'redis'",
            "larder.toml:2:11: `backend` is `redis`, which needs a `url`, like `redis://localhost:6379/0`",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'http://ada:hunter2@localhost'",
            "larder.toml:2:7: `url` begins with `http://`, which is no store: use `redis://`, `rediss://`, `memcached://` or `memory`",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 'redis'\nurl = 'memcached://localhost'",
            "larder.toml:3:7: `url` is `memcached`'s, but `backend` is `redis`: leave one of them out",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 'redis'\nurl = 'redis://one,two'",
            "larder.toml:3:7: `url` has several nodes: `backend` is then `redis-cluster`",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'redis://localhost'\nmax_size = 5",
            "larder.toml:3:12: `max_size` has no meaning for `redis`, only for `memory` or `file`: leave it out",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'redis://localhost'\nprefix = 'our shop'",
            "larder.toml:3:10: the prefix `our shop` may have only letters, digits, `-`, `_` and `.`",
        ),
        (
            "[caches.default]\nprefix = 'our shop'\n[caches.default.layers.l2]\nurl = 'redis://localhost'",
            "larder.toml:2:10: the prefix `our shop` may have only letters, digits, `-`, `_` and `.`",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'redis://localhost'\n[caches.default.layers.l3]\nurl = 'redis://localhost/0'",
            "larder.toml:4:7: layer `l2` of cache `default` and layer `l3` of cache `default` would share their keys: they have the same server, database, prefix and version; give layer `l3` of cache `default` a `prefix` of its own",
        ),
        (
            "[caches.a]\nuri = 'redis://localhost'\n[caches.b.layers.l2]\nurl = 'redis://localhost/0'",
            "larder.toml:4:7: cache `a` and layer `l2` of cache `b` would share their keys: they have the same server, database, prefix and version; give layer `l2` of cache `b` a `prefix` of its own",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'redis://localhost'\nroot_certificates = 'ca.pem'",
            "larder.toml:3:21: `root_certificates` has no meaning without TLS: its `url` begins with `rediss://`",
        ),
    ] {
        assert_eq!(said_to(file, []), [expected], "{file}");
    }
    let apart = "
        [caches.default]
        prefix = 'shop'
        codec = 'json'
        coherence = 'strict'
        [caches.default.layers.l2]
        url = 'redis://localhost'
        [caches.default.layers.l3]
        url = 'redis://localhost'
        prefix = 'shop.l3'
        [caches.other.layers.l2]
        url = 'redis://localhost'";
    assert!(said_to(apart, []).is_empty());
}

#[test]
fn copies_need_a_store_that_holds_generations() {
    let expected = "larder.toml:2:11: an `http` layer keeps copies only: it needs a layer beside it that can hold generations, like `redis`, `memcached`, `s3` or `file`";
    let alone = "[caches.default.layers.l4]\nbackend = 'http'\nurl = 'https://cdn'";
    let beside = format!("{alone}\n[caches.default.layers.l1]");
    for file in [alone, &beside] {
        let said = said_to(file, []);
        assert!(
            said == [expected] || said[0].contains("feature `http`"),
            "{said:?}"
        );
    }
    assert_eq!(
        said_to(
            "caches.default = { provider = 'http', url = 'https://cdn' }",
            []
        ),
        [
            "larder.toml:1:31: `http` keeps copies only: make it a layer, beside one that can hold generations, like `redis`"
        ]
    );
}

#[test]
fn all_mistakes_of_all_layers_are_told_at_once() {
    let file = "
[caches.default]
uri = 'memory'
[caches.default.layers.l1]
backend = 'memroy'
[caches.default.layers.l2]
codec = 'json'
[caches.other.layers.l2]
ttl = 'soon'
[caches.other.layers.l3]
backend = 'memory'
";
    assert_eq!(
        said_to(file, []),
        [
            "larder.toml:3:7: `uri` says where the cache is as a whole, but it has layers: leave one of them out",
            "larder.toml:5:11: `backend` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"memroy\": did you mean `memory`?",
            "larder.toml:7:9: `codec` is the cache's, not a layer's, because an entry is encoded once, however many layers keep it: say it in `[caches.default]`",
            "larder.toml:9:7: `ttl` must be a duration from 1ms to 100 years, like 300 (seconds), \"5m\" or \"never\", not \"soon\"",
            "larder.toml:9:7: layer `l2` needs a `backend`, like `backend = \"redis\"`",
            "larder.toml:11:11: process memory is `l1`, the layer above all stores, not `l3`",
        ]
    );
}

#[test]
fn secrets_of_layers_are_shown_nowhere() {
    let file = "
        [caches.default.layers.l4]
        backend = 's3'
        access_key_id = 'swordfish'
        secret_access_key = 'hunter2'
        endpoint = 'http://ada:hunter2@localhost'
        enabled = false
        [caches.default.layers.l2]
        urls = ['redis://ada:hunter2@one', 'redis://ada:hunter2@two']
        enabled = false
        [caches.default.layers.l1]";
    let (_folder, builder) = read(
        file,
        [(
            "LARDER__CACHES__DEFAULT__LAYERS__L2__URL",
            "redis://ada:hunter2@b",
        )],
    );
    let builder = builder.expect("it is understood");
    let shown = format!("{builder:#?}");
    assert!(
        shown.contains("secret_access_key") && shown.contains("L4"),
        "{shown}"
    );
    assert!(
        !shown.contains("hunter2") && !shown.contains("swordfish"),
        "{shown}"
    );
    assert!(
        builder.said()["default"]
            .iter()
            .any(|said| said.rank == Rank::Variable)
    );
    assert_eq!(
        said_to(
            "[caches.default.layers]\nl1 = {}\nl4 = { enabled = false, secret_access_key = 123456 }",
            []
        ),
        ["larder.toml:3:45: `secret_access_key` must be a text"]
    );
}

#[cfg(all(
    feature = "file",
    feature = "http",
    feature = "memcached",
    feature = "redis",
    feature = "s3"
))]
#[test]
fn every_backend_is_understood_and_its_mistakes_are_told() {
    let file = "
        [caches.default]
        prefix = 'shop'
        uri = 'redis://one:1,two:2,three:3/0'
        [caches.quick]
        uri = 'memcached://localhost:11211'
        [caches.sentinels]
        uri = 'redis-sentinel://one:26379,two:26379/primary/0'
        [caches.kept]
        provider = 'file'
        path = 'entries'
        max_size = '1GiB'
        [caches.all.layers.l1]
        [caches.all.layers.l2]
        backend = 'redis-cluster'
        urls = ['redis://node1:6379', 'redis://node2:6379']
        wait_for_replicas = 1
        [caches.all.layers.l3]
        backend = 's3'
        bucket = 'my-cache-bucket'
        region = 'eu-central-1'
        endpoint = 'http://127.0.0.1:9000'
        [caches.all.layers.l4]
        backend = 'http'
        url = 'https://cdn.example.org/cache'";
    assert_eq!(said_to(file, []), [""; 0]);
    assert_eq!(
        plans(file, []),
        "all: l1 memory + l2 redis-cluster + l3 s3 + l4 http, default: redis-cluster, kept: file, quick: memcached, sentinels: redis-sentinel"
    );
    let nodes = (
        "LARDER__CACHES__ALL__LAYERS__L2__URLS",
        "redis://one, redis://two",
    );
    assert_eq!(said_to(file, [nodes]), [""; 0]);
    for (file, expected) in [
        (
            "[caches.default.layers.l2]\nbackend = 'file'",
            "larder.toml:2:11: `backend` is `file`, which needs a `path`, like `/var/cache/shop`",
        ),
        (
            "[caches.default]\nprovider = 's3'",
            "larder.toml:2:12: `provider` is `s3`, which needs a `bucket`, like `my-cache-bucket`",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 's3'\nbucket = 'cache'\naccess_key_id = 'ada'",
            "larder.toml:4:17: `access_key_id` has no meaning without `secret_access_key`: say both",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 's3'\nbucket = 'My Cache'",
            "larder.toml:3:10: `My Cache` is no name of a bucket: it has 3 to 63 lowercase letters, digits, `-` and `.`",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 'memcached'\nurl = 'memcached://localhost:port'",
            "larder.toml:3:7: `memcached://localhost:port` is not a memcached URL (it does not read as a URL): it looks like `memcached://host:11211`",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'memcached://localhost'\n[caches.default.layers.l3]\nurl = 'memcached://localhost:11211'",
            "larder.toml:4:7: layer `l2` of cache `default` and layer `l3` of cache `default` would share their keys: they have the same server, database, prefix and version; give layer `l3` of cache `default` a `prefix` of its own",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'rediss://localhost'\nclient_key = 'larder.toml'",
            "larder.toml:3:14: `client_key` has no meaning without `client_certificate`: say both",
        ),
        (
            "[caches.default.layers.l2]\nurl = 'redis://localhost'\nwait_within = 5",
            "larder.toml:3:15: `wait_within` has no meaning without `wait_for_replicas`: say how many",
        ),
        (
            "[caches.default.layers.l2]\nbackend = 'http'\nurl = 'redis://localhost'\n[caches.default.layers.l3]\nurl = 'redis://localhost'",
            "larder.toml:3:7: `url` is `redis`'s, but `backend` is `http`: leave one of them out",
        ),
        (
            "[caches.default]\nuri = 'redis://one,two/3'",
            "larder.toml:2:7: `redis://one,two/3` is not a Redis URL (a cluster has no database but 0: leave the number out, and take a `prefix` of your own): it looks like `redis://user:password@host:6379/0`, or `rediss://` with TLS",
        ),
    ] {
        assert_eq!(said_to(file, []), [expected], "{file}");
    }
}
