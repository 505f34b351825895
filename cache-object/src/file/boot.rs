//! Which start of the machine this is.

use xxhash_rust::xxh3::xxh3_64;

/// What the folders of all starts of the machine begin with.
pub(super) const BOOT: &str = "boot-";

/// The folder for this start of the machine; the same for all where the system does not tell.
///
/// Nothing is flushed to the disk at each write, so after a power cut a file may be there again that
/// was removed: an entry that was invalidated, or the generation that made it valid. What was written
/// before the machine last started is therefore not read again.
pub(super) fn folder() -> String {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{BOOT}{:016x}", xxh3_64(&boot))
}

/// The folder for whoever wants to keep a cache over a restart of the machine.
pub(super) const KEPT: &str = "kept";
