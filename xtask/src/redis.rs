//! Makes sure that the tests find a `redis-server`.
//!
//! Only the program is wanted: every test starts a server of its own, on a port of its own.

use std::process::{Command, Stdio};

const ADVICE: &str = "redis-server is missing: install Redis 7 or newer (Debian: `apt-get install redis-server`, macOS: `brew install redis`) and run this again";

/// Installs `redis-server` with apt-get if it is missing and this user may install packages.
///
/// # Errors
/// One line that says what to install.
pub(crate) fn ensure_installed() -> Result<(), String> {
    if succeeds(Command::new("redis-server").arg("--version")) {
        return Ok(());
    }
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(ADVICE.to_owned());
    }
    let privilege = Privilege::of_this_user().ok_or(ADVICE)?;
    eprintln!("xtask: installing redis-server");
    for args in [&["update"][..], &["install", "-y", "redis-server"]] {
        let status = privilege.apt_get(args).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("`apt-get {}` failed; {ADVICE}", args.join(" ")));
        }
    }
    if succeeds(Command::new("redis-server").arg("--version")) {
        Ok(())
    } else {
        Err(ADVICE.to_owned())
    }
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
