//! Instructions of one hit, under callgrind: the same on a busy machine as on a quiet one.

use std::process::Command;

const FEW: u64 = 10_000;
const MANY: u64 = 30_000;
const CASES: [(&str, &str); 4] = [
    ("moka", "raw moka, get(&str), Arc<T>"),
    ("number", "larder, u64, Arc<T>"),
    ("text", "larder, &str, Arc<T>"),
    ("value", "larder, u64, T of two strings"),
];

/// Counts and prints. What it needs and does not find is an error that says so.
pub(crate) fn print(cargo: &mut Command) -> Result<(), String> {
    let built = cargo
        .args([
            "--bench",
            "instructions",
            "--no-run",
            "--message-format=json",
        ])
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let binary = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(str::to_owned))
        .next_back()
        .ok_or("the benchmark `instructions` does not build: try `cargo bench --no-run`")?;
    for (case, name) in CASES {
        let few = count(&binary, case, FEW)?;
        let many = count(&binary, case, MANY)?;
        println!("{name:<36} {:>7}", (many - few) / (MANY - FEW));
    }
    Ok(())
}

fn count(binary: &str, case: &str, hits: u64) -> Result<u64, String> {
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            binary,
            case,
        ])
        .arg(hits.to_string())
        .output()
        .map_err(|_| "valgrind is missing: apt-get install -y valgrind".to_owned())?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    text.lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing:\n{text}"))
}
