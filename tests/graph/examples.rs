//! The examples are clean, whatever they show beside the graph.

#[path = "../../examples/quickstart.rs"]
#[allow(dead_code)]
mod quickstart;

#[path = "../../examples/redis.rs"]
#[allow(dead_code)]
#[cfg(feature = "redis")]
mod redis;

#[path = "../../examples/events.rs"]
#[allow(dead_code)]
#[cfg(feature = "redis")]
mod events;

#[path = "../../examples/kitchen_sink.rs"]
#[allow(dead_code)]
mod kitchen_sink;

#[path = "../../examples/service.rs"]
#[allow(dead_code)]
#[cfg(feature = "axum")]
mod service;

#[path = "../../examples/tiers.rs"]
#[allow(dead_code)]
#[cfg(all(feature = "redis", feature = "memcached", feature = "file"))]
mod tiers;

#[path = "../../examples/warm.rs"]
#[allow(dead_code)]
mod warm;

#[test]
fn the_examples_have_no_mistakes() {
    for name in ["quickstart", "redis", "events", "service", "tiers", "warm"] {
        crate::assert_found(&format!("{}::{name}", module_path!()), &[]);
    }
}

/// Every form is in it, also those of which nobody knows before a call what they give.
#[test]
fn the_example_of_everything_has_no_mistakes() {
    let module = format!("{}::kitchen_sink", module_path!());
    let report = larder::Graph::of_program().within(&module).check();
    assert!(report.is_clean(), "{report}");
}

/// So that a new one is not forgotten here.
#[test]
fn all_examples_are_looked_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("there are examples");
    let mut names: Vec<String> = files
        .map(|file| file.expect("it can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    let known = include_str!("examples.rs");
    for name in names {
        // Of this one, the mistake is the point.
        let is_looked_at = name == "graph.rs" || known.contains(&format!("examples/{name}\""));
        assert!(is_looked_at, "say `mod` here for {name}");
    }
}
