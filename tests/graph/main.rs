//! What start-up finds between annotated functions: a corpus of small applications, each with one
//! mistake, and others with none.

mod clean;
mod examples;
mod mistakes;
mod places;
mod shown;
mod unseen;

use larder::{Finding, Graph};

/// The findings in a module, as they are told, without places and the module's own path.
#[track_caller]
fn assert_found(module: &str, expected: &[&str]) {
    let report = Graph::of_program().within(module).check();
    assert_eq!(told(module, report.findings()), expected);
    // Nothing that could not be seen hides a mistake of the corpus, or makes one.
    assert_eq!((report.possible(), report.unseen()), (&[][..], &[][..]));
    assert_eq!(report.is_clean(), expected.is_empty());
}

fn told(module: &str, findings: &[Finding]) -> Vec<String> {
    let each = findings.iter().map(|finding| {
        let text = finding.to_string().replace(&format!("{module}::"), "");
        without_places(&text)
    });
    each.collect()
}

// Input:  `get_user` (tests/graph/mistakes.rs:12) and
// Output: `get_user` and
fn without_places(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once(" (tests/") {
        out.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    out + rest
}
