//! Repository commands, run as `cargo xtask <command>`.

mod compile_time;
mod instructions;
mod mutants;
mod ratios;
mod servers;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

const HELP: &str = "\
usage: cargo xtask <command>

  test [args]          run all tests, documentation tests too; args go to `cargo test`,
                       and after `--` to the tests: cargo xtask test tags -- --nocapture
  bench [name] [args]  run all benchmarks or the one named; args go to `cargo bench`;
                       then print what criterion measured as ratios to the raw clients
  instructions         count the instructions of a hit (needs valgrind)
  compile-time         build many annotated functions, and as many plain ones
  mutants [name]       take each guard out of the code, and see that a test notices
  help                 show this text

`test` and `bench` install `redis-server` and `memcached` with apt-get when they are missing
and they may.
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        eprint!("{HELP}");
        return ExitCode::FAILURE;
    };
    match command.as_str() {
        "test" => with_servers(cargo("test", &["--workspace", "--all-features"]).args(rest)),
        "bench" => {
            let code = with_servers(&mut bench(rest));
            ratios::print();
            code
        }
        "instructions" => match instructions::print(&mut cargo("bench", &["--all-features"])) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(&problem),
        },
        "compile-time" => match compile_time::print(|| Command::new(cargo_path())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(&problem),
        },
        "mutants" => match mutants::run(rest.first().map(String::as_str)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(&problem),
        },
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        unknown => fail(&format!(
            "unknown command `{unknown}`: try `cargo xtask help`"
        )),
    }
}

/// A first argument that is not an option names the benchmark.
fn bench(args: &[String]) -> Command {
    let mut command = cargo("bench", &["--all-features"]);
    match args.split_first() {
        Some((name, rest)) if !name.starts_with('-') => command.args(["--bench", name]).args(rest),
        _ => command.args(args),
    };
    command
}

/// A command for the cargo that runs this program.
fn cargo(subcommand: &str, args: &[&str]) -> Command {
    let mut command = Command::new(cargo_path());
    command.arg(subcommand).args(args);
    command
}

fn cargo_path() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs `command` once the servers are there, and ends as it ended.
fn with_servers(command: &mut Command) -> ExitCode {
    if let Err(problem) = servers::ensure_installed() {
        return fail(&problem);
    }
    match command.status() {
        // Without a code, a signal ended it.
        Ok(status) => status.code().map_or(ExitCode::FAILURE, |code| {
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }),
        Err(error) => fail(&format!("cargo could not be started: {error}")),
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("xtask: {problem}");
    ExitCode::FAILURE
}
