//! Makes sure that the tests find the servers that they start.
//!
//! Only the programs are wanted: every test starts a server of its own, on a port of its own.

use std::process::{Command, Stdio};

/// The programs. Debian's packages are called like them.
const SERVERS: &[&str] = &["redis-server", "memcached"];

const ADVICE: &str = "install Redis 7 and memcached 1.6 or newer (Debian: `apt-get install redis-server memcached`, macOS: `brew install redis memcached`) and run this again";

/// Installs what is missing with apt-get, if this user may install packages.
///
/// # Errors
/// One line that says what to install.
pub(crate) fn ensure_installed() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let problem = format!("missing: {}; {ADVICE}", missing.join(", "));
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(problem);
    }
    let Some(privilege) = Privilege::of_this_user() else {
        return Err(problem);
    };
    eprintln!("xtask: installing {}", missing.join(", "));
    let install = [&["install", "-y"], &missing[..]].concat();
    for args in [&["update"][..], &install] {
        let status = privilege.apt_get(args).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("`apt-get {}` failed; {problem}", args.join(" ")));
        }
    }
    if self::missing().is_empty() {
        Ok(())
    } else {
        Err(problem)
    }
}

fn missing() -> Vec<&'static str> {
    let is_there = |server: &&str| succeeds(Command::new(server).arg("--version"));
    let servers = SERVERS.iter().copied();
    servers.filter(|server| !is_there(server)).collect()
}

/// How this user may install packages.
enum Privilege {
    Root,
    PasswordlessSudo,
}

impl Privilege {
    fn of_this_user() -> Option<Self> {
        let id = Command::new("id").arg("-u").output().ok()?;
        if id.stdout.trim_ascii() == b"0" {
            return Some(Self::Root);
        }
        succeeds(Command::new("sudo").args(["-n", "true"])).then_some(Self::PasswordlessSudo)
    }

    fn apt_get(&self, args: &[&str]) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::PasswordlessSudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", "env"]);
                sudo
            }
        };
        // Set by `env`, because sudo does not pass our environment on.
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(args);
        command
    }
}

/// Whether `command` exists and ends well. It is not heard.
fn succeeds(command: &mut Command) -> bool {
    let silent = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
