//! The graph as people see it: sorted, and the same each time.

use larder::{Graph, by_hand, cache_read, cache_write, invalidate_on, on_event, resource};

resource! {
    pub(crate) user(id: u64) {
        profile;
        settings;
    }
}

#[cache_read(user::profile(id))]
async fn profile(id: u64) -> String {
    id.to_string()
}

#[cache_read(key = "count", tags = ["users"], namespace = "n")]
async fn count() -> u64 {
    0
}

#[cache_read(cache = "searches", tags = tags_of)]
async fn search(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

fn tags_of(text: &&str) -> [String; 1] {
    [(*text).to_owned()]
}

#[cache_write(
    user::tag(id),
    tags = ["users"],
    recache = [profile(id), profile::refresh(id), tokio::task::yield_now()]
)]
async fn add(id: u64) {
    let _ = id;
}

invalidate_on!("graph.shown", keys = ["count"], namespace = "n");

#[on_event("graph.shown")]
async fn hear(_event: u64) {
    by_hand!(user::settings);
}

#[test]
fn as_text() {
    let text = Graph::of_program().within(module_path!()).to_string();
    let text = text.replace("graph::shown::", "");
    let shown: Vec<&str> = text
        .lines()
        .map(|line| line.split("  (").next().unwrap_or_default())
        .collect();
    assert_eq!(
        shown,
        [
            "reads",
            "  count",
            "    key: count in n",
            "    tags: users",
            "    invalidated by: add, event graph.shown",
            "  profile",
            "    key: user:profile:{id}",
            "    tags: user:{id}",
            "    invalidated by: add",
            "  search",
            "    cache: searches",
            "    key: by path and arguments",
            "",
            "writes",
            "  add",
            "    tags: users, user:{id}",
            "    invalidates: count, profile",
            "    recaches: profile, tokio::task::yield_now",
            "",
            "by hand",
            "  graph::shown",
            "    tags: user:{id}",
            "    keys: user:settings:{id}",
            "",
            "events",
            "  graph.shown",
            "    keys: count in n",
            "    invalidates: count",
            "  graph.shown",
            "    calls: hear",
            "",
            "resources",
            "  user",
            "    tags: user:{id}",
            "    profile by: profile",
            "    settings by: by_hand!",
            "",
            "not seen",
            "  tags_of",
        ]
    );
}

#[test]
fn as_mermaid() {
    let chart = Graph::of_program().within(module_path!()).mermaid();
    assert_eq!(chart, Graph::of_program().within(module_path!()).mermaid());
    let chart = chart.replace("graph::shown::", "");
    let lines: Vec<&str> = chart.lines().map(str::trim).collect();
    for line in [
        "flowchart LR",
        "n0[\"count<br>count in n\"]",
        "n1([\"users\"])",
        "n1 --> n0",
        "n5[\"search\"]",
        "n6{{\"add\"}}",
        "n6 --> n1",
        "n6 -. recaches .-> n2",
    ] {
        assert!(lines.contains(&line), "{line} in\n{chart}");
    }
}
