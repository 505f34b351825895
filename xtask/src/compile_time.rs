//! What annotated functions cost the compiler: many of them against as many plain ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FUNCTIONS: usize = 200;
/// Of so many builds the fastest counts: the others were disturbed.
const BUILDS: usize = 5;

const HEAD: &str = "\
#![allow(dead_code)]
use std::io::Error;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct User { pub id: u64, pub name: String }

async fn fetch(id: u64, name: &str) -> Result<User, Error> {
    tokio::task::yield_now().await;
    Ok(User { id, name: name.to_owned() })
}
";

const ANNOTATION: &str = "#[larder::cache_read(key = \"user:{id}:{name}\", ttl = 300, tags = [\"user:{id}\", \"users\"])]\n";

/// Builds both crates and prints how long each takes beyond one without any function.
pub(crate) fn print(cargo: impl Fn() -> Command) -> Result<(), String> {
    let folder = Path::new("target/compile-time");
    write_crate(folder, "").map_err(|error| format!("{}: {error}", folder.display()))?;
    let kinds = [
        ("none", 0, ""),
        ("plain", FUNCTIONS, ""),
        ("annotated", FUNCTIONS, ANNOTATION),
    ];
    for command in ["check", "build"] {
        let mut times = Vec::new();
        for (name, count, annotation) in kinds {
            let source = functions(count, annotation);
            let time = fastest(&cargo, command, folder, &source)?;
            println!(
                "cargo {command:<6} {count:>4} functions, {name:<10} {:>6.2} s",
                time.as_secs_f64()
            );
            times.push(time);
        }
        let [none, plain, annotated] = times[..] else {
            continue;
        };
        let each = annotated.saturating_sub(plain) / FUNCTIONS as u32;
        println!(
            "cargo {command:<6} ratio of the wholes {:.2}, of what the functions add {:.2}; {each:.1?} for each\n",
            annotated.as_secs_f64() / plain.as_secs_f64(),
            annotated.saturating_sub(none).as_secs_f64() / plain.saturating_sub(none).as_secs_f64(),
        );
    }
    Ok(())
}

fn functions(count: usize, annotation: &str) -> String {
    let mut source = HEAD.to_owned();
    for number in 0..count {
        // Writing to a `String` does not fail.
        let _ = write!(
            source,
            "\n{annotation}pub async fn get_{number}(id: u64, name: &str) -> Result<User, Error> {{\n    \
             let user = fetch(id, name).await?;\n    Ok(user)\n}}\n"
        );
    }
    // Called, so that code is made of all of them.
    source.push_str("\nfn main() {\n    let calls = async {\n");
    for number in 0..count {
        let _ = writeln!(source, "        let _ = get_{number}(7, \"Ada\").await;");
    }
    source.push_str("    };\n    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();\n    runtime.block_on(calls);\n}\n");
    source
}

fn write_crate(folder: &Path, source: &str) -> std::io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"compile-time\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nlarder = { path = \"../..\" }\nserde = { version = \"1\", features = [\"derive\"] }\n\
         tokio = { version = \"1\", features = [\"rt\"] }\n",
    )?;
    fs::copy("Cargo.lock", folder.join("Cargo.lock"))?;
    fs::write(folder.join("src/main.rs"), source)
}

/// The time of the last crate alone: what it depends on is built before.
fn fastest(
    cargo: &impl Fn() -> Command,
    command: &str,
    folder: &Path,
    source: &str,
) -> Result<Duration, String> {
    let mut best = Duration::MAX;
    for build in 0..=BUILDS {
        let changed = format!("{source}// {build}\n");
        fs::write(folder.join("src/main.rs"), changed).map_err(|error| error.to_string())?;
        let began = Instant::now();
        let status = cargo()
            .arg(command)
            .arg("--manifest-path")
            .arg(folder.join("Cargo.toml"))
            .env("CARGO_INCREMENTAL", "0")
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        if !status.success() {
            return Err(format!("`cargo {command}` fails in {}", folder.display()));
        }
        // The first one builds what it depends on.
        if build > 0 {
            best = best.min(began.elapsed());
        }
    }
    Ok(best)
}
