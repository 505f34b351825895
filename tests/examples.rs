//! The examples run, and the one with two processes really has two.

use std::path::PathBuf;
use std::process::Command;

use larder_testkit::RedisServer;

/// Where `cargo test` has built the example.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let built = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("it is in target/*/deps");
    let example = built.join("examples").join(name);
    assert!(
        example.exists(),
        "build it: cargo build --all-features --example {name}"
    );
    example
}

fn run(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(example(name))
        .args(arguments)
        .env_remove("CACHE_URL")
        .env_remove("REDIS_URL")
        .output()
        .expect("it starts");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn warm() {
    let text = run("warm", &[]);
    assert!(text.contains("500 products, 50 of them gone"), "{text}");
    assert!(text.contains("1000 prices, 0 failed"), "{text}");
    assert!(
        text.contains("product 7 is there, after 500 loads"),
        "{text}"
    );
}

#[test]
fn quickstart() {
    let text = run("quickstart", &[]);
    assert!(
        text.contains("1,000 callers of one cold key, loads: 1"),
        "{text}"
    );
}

#[test]
fn kitchen_sink() {
    let text = run("kitchen_sink", &[]);
    // Each line of a call says what the first and the second did.
    let outcomes = |first: &str| text.lines().filter(|line| line.starts_with(first)).count();
    assert_eq!(outcomes("loaded   hit "), 38, "{text}");
    assert_eq!(outcomes("hit      hit "), 4, "{text}");
    assert_eq!(outcomes("loaded   loaded"), 0, "{text}");
    assert!(text.contains("Stats { hits: 5, misses: 1"), "{text}");
    assert!(!text.contains("WARN"), "{text}");
}

#[test]
fn graph() {
    let text = run("graph", &[]);
    let finding = "nothing invalidates the tag `orders-of:{customer}` that `graph::orders` \
                   (examples/graph.rs:";
    assert!(
        text.contains(&format!("WARN larder::init: {finding}")),
        "{text}"
    );
    assert!(
        text.contains("invalidated by: event stock.delivered"),
        "{text}"
    );
    assert!(text.contains("```mermaid\nflowchart LR\n"), "{text}");
    assert!(
        text.contains(&format!("2 findings:\n\n{finding}")),
        "{text}"
    );
}

#[test]
fn tiers() {
    let text = run("tiers", &[]);
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split("  ").collect())
        .collect();
    for (what, sources) in [
        ("nothing is anywhere", "6 origin"),
        ("once more", "6 l1"),
        ("another process", "6 l2"),
        ("another one; memcached is killed", "6 l3"),
        ("Redis needed the room for others", "6 l4"),
        ("memcached is back, and empty", "6 l3"),
        ("it got copies of what was found below", "6 l2"),
        ("and so did process memory", "6 l1"),
        ("another process has invalidated them", "6 origin"),
        ("Redis is killed: who knows what is valid?", "6 origin"),
        ("Redis is back, and so is what was valid", "6 l2"),
        ("an invalidation, while it is killed again", "6 origin"),
        ("Redis is back: it has taken that", "6 origin"),
    ] {
        let line = lines.iter().find(|line| line[0] == what);
        let line = line.unwrap_or_else(|| panic!("`{what}` is not in {text}"));
        let answered = line[1..].iter().find(|word| !word.is_empty());
        assert_eq!(
            answered.map(|word| word.trim()),
            Some(sources),
            "{what}: {text}"
        );
    }
}

#[tokio::test]
async fn two_processes_on_one_redis() {
    let server = RedisServer::start().await;
    let text = run("redis", &[&server.url()]);
    assert!(
        text.contains("second reads 100: loaded by the first"),
        "{text}"
    );
    assert!(
        text.contains("first  loads, since that took its entry away: 80"),
        "{text}"
    );
    assert!(
        text.contains("1,000 callers in each process, loads in both: 1"),
        "{text}"
    );
}
