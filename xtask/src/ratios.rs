//! What criterion measured, as ratios to the first line of each group: on a shared machine only
//! figures of one run can be compared.

use std::fs;
use std::path::Path;

use serde_json::Value;

struct Figure {
    group: String,
    name: String,
    nanos: f64,
    spread: (f64, f64),
}

/// Prints a table of everything below `target/criterion`. The raw client is what others are compared
/// with.
pub(crate) fn print() {
    let mut figures = Vec::new();
    collect(Path::new("target/criterion"), &mut figures);
    figures.sort_by(|a, b| {
        (&a.group, !a.name.starts_with("raw"), &a.name).cmp(&(
            &b.group,
            !b.name.starts_with("raw"),
            &b.name,
        ))
    });
    let mut base: Option<&Figure> = None;
    for figure in &figures {
        if base.is_none_or(|base| base.group != figure.group) {
            println!("\n{}", figure.group);
            base = Some(figure);
        }
        let ratio = base.map_or(1.0, |base| figure.nanos / base.nanos);
        let (low, high) = figure.spread;
        println!(
            "  {:<44} {:>6.2}   {:>10.1} ns  ({low:.1} to {high:.1})",
            figure.name, ratio, figure.nanos
        );
    }
}

fn collect(folder: &Path, figures: &mut Vec<Figure>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "new") {
            figures.extend(read(&path));
        } else if path.is_dir() {
            collect(&path, figures);
        }
    }
}

fn read(folder: &Path) -> Option<Figure> {
    let parse = |name: &str| -> Option<Value> {
        serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok()
    };
    let benchmark = parse("benchmark.json")?;
    let estimates = parse("estimates.json")?;
    let elements = benchmark["throughput"]["Elements"].as_f64().unwrap_or(1.0);
    let of = |value: &Value| value.as_f64().map(|nanos| nanos / elements);
    let median = &estimates["median"];
    Some(Figure {
        group: benchmark["group_id"].as_str()?.to_owned(),
        name: format!(
            "{}, {}",
            benchmark["function_id"].as_str()?,
            benchmark["value_str"].as_str().unwrap_or_default()
        ),
        nanos: of(&median["point_estimate"])?,
        spread: (
            of(&median["confidence_interval"]["lower_bound"])?,
            of(&median["confidence_interval"]["upper_bound"])?,
        ),
    })
}
