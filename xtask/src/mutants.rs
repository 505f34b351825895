//! Takes the guards out, one at a time, and sees that a test notices.
//!
//! Works on a copy of the tree below `target/mutants`. Each guard is a piece of text in a file and
//! what stands there without it; a text that is no longer there is an error, so the list stays true.

mod tiers;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

struct Guard {
    /// What it keeps from happening.
    name: &'static str,
    file: &'static str,
    with: &'static str,
    without: &'static str,
}

/// Guards, and the tests of which one must notice when a guard is missing.
struct Suite {
    guards: &'static [Guard],
    /// What `cargo test` is told, one after the other until one notices.
    tests: &'static [&'static [&'static str]],
}

const SUITES: &[Suite] = &[
    Suite {
        guards: GUARDS,
        tests: &[&[
            "--package=larder",
            "--package=larder-core",
            "--lib",
            "--test=stores",
            "--test=macros",
        ]],
    },
    Suite {
        guards: tiers::GUARDS,
        tests: &[
            &["--package=larder", "--test=stores"],
            // Those that start clusters need more time than there is here.
            &["--package=larder", "--test=push", "--", "losses", "hidden"],
            &[
                "--package=larder",
                "--test=conformance",
                "--",
                "memcached",
                "memory_file",
                "redis_redis",
            ],
            &["--package=larder", "--test=history"],
        ],
    },
];

const GUARDS: &[Guard] = &[
    Guard {
        name: "a caller joins only a flight that no invalidation overtook (memory)",
        file: "cache-core/src/cache/shared_load.rs",
        with: "            && flight.is_current()\n        {",
        without: "        {",
    },
    Guard {
        name: "a load that was overtaken does not land (memory)",
        file: "cache-core/src/flight.rs",
        with: "let stored = in_table && self.flight.is_current();",
        without: "let stored = true;",
    },
    Guard {
        name: "an entry is valid while its generations are",
        file: "cache-core/src/memory/entry.rs",
        with: "now < self.expires_at.get() && self.held.is_current()",
        without: "now < self.expires_at.get()",
    },
    Guard {
        name: "an entry expires",
        file: "cache-core/src/memory/entry.rs",
        with: "now < self.expires_at.get() && self.held.is_current()",
        without: "self.held.is_current()",
    },
    Guard {
        name: "deleting a key takes its flight out",
        file: "cache-core/src/cache/near.rs",
        with: "flights.revoke(key);\n        let taken",
        without: "let taken",
    },
    Guard {
        name: "a stale value is not one that was invalidated (memory)",
        file: "cache-core/src/memory/entry.rs",
        with: "now < self.kept_until() && self.held.is_current()",
        without: "now < self.kept_until()",
    },
    Guard {
        name: "a stale value is not one that was invalidated (store)",
        file: "cache-core/src/remote/mod.rs",
        with: "        if !self\n            .is_current(",
        without: "        if age == Age::Fresh && !self\n            .is_current(",
    },
    Guard {
        name: "an entry is loaded early once at a time",
        file: "cache-core/src/cache/background.rs",
        with: "Some(Early::UnderWay | Early::Replaced) => return false,",
        without: "Some(Early::UnderWay | Early::Replaced) => {}",
    },
    Guard {
        name: "an early load that failed is not tried again at once",
        file: "cache-core/src/cache/background.rs",
        with: "if now < *moment => return false,",
        without: "if now < *moment && false => return false,",
    },
    Guard {
        name: "one process loads early, the others do not wait",
        file: "cache-core/src/cache/store_load.rs",
        with: "(Mode::Read, true) | (Mode::Early, _) => Claim::Exclusive,",
        without: "(Mode::Read, true) => Claim::Exclusive,\n            (Mode::Early, _) => Claim::Shared,",
    },
    Guard {
        name: "a failure takes no value's place (memory)",
        file: "cache-core/src/cache/shared_load.rs",
        with: "Mode::Refresh | Mode::Early => None,",
        without: "Mode::Refresh | Mode::Early => failure.negative::<O>(),",
    },
    Guard {
        name: "a failure that is kept does not read as a value",
        file: "cache-core/src/codec/mod.rs",
        with: "    codec | FAILURE",
        without: "    codec",
    },
    Guard {
        name: "what is stale is not cleaned up (memory)",
        file: "cache-core/src/cache/delete.rs",
        with: "!memory.is_kept(entry)",
        without: "!memory.is_usable(entry)",
    },
    Guard {
        name: "settling waits for loads in the background",
        file: "cache-core/src/cache/invalidate.rs",
        with: "let loads = self.shared.background.settled();",
        without: "let loads = std::future::ready(());",
    },
    Guard {
        name: "an invalidation reaches what stays in process memory beside a store",
        file: "cache-core/src/cache/invalidate.rs",
        with: "        self.forget_beside(key);\n",
        without: "",
    },
    Guard {
        name: "a fill needs its lease (Redis)",
        file: "cache-redis/src/scripts/fill.lua",
        with: "if held ~= ARGV[1] then",
        without: "if false then",
    },
    Guard {
        name: "a script that runs a second time does not meet itself (Redis)",
        file: "cache-redis/src/scripts/lease.lua",
        with: "if held == token then return { token, identity } end",
        without: "",
    },
    Guard {
        name: "a deletion by pattern takes flights out",
        file: "cache-core/src/flight.rs",
        with: "shard.extract_if(|key, _| is_meant(key))",
        without: "shard.extract_if(|key, _| is_meant(key) && false)",
    },
    Guard {
        name: "a deletion by pattern that breaks off is made up for",
        file: "cache-core/src/remote/mod.rs",
        with: "let ticket = Ticket::matching(&self.journal, pattern);",
        without: "let ticket = Ticket::new(&self.journal, Vec::new(), Vec::new());",
    },
    Guard {
        name: "what a queued pattern covers is not served",
        file: "cache-core/src/remote/journal.rs",
        with: ".any(|pattern| pattern.matches_qualified(key))",
        without: ".any(|pattern| pattern.matches_qualified(key) && false)",
    },
    Guard {
        name: "many keys at once are not served while a queued invalidation covers them",
        file: "cache-core/src/remote/many.rs",
        with: "if self.journal.covers(key.qualified(), scopes) {",
        without: "if self.journal.covers(key.qualified(), scopes) && false {",
    },
    Guard {
        name: "many keys at once are checked against their generations",
        file: "cache-core/src/remote/many.rs",
        with: "&& envelope.scopes.iter().all(is_current)",
        without: "",
    },
    Guard {
        name: "one of many sets what is absent (Redis)",
        file: "cache-redis/src/scripts/lease.lua",
        with: "if expected ~= '*' and identity ~= expected then return { 'changed' } end",
        without: "",
    },
    Guard {
        name: "one of many sets what is absent (memory)",
        file: "cache-core/src/cache/set.rs",
        with: "if found.as_ref().is_some_and(|entry| memory.has_value(entry)) {",
        without: "if found.as_ref().is_some_and(|entry| memory.is_usable(entry)) && false {",
    },
    Guard {
        name: "a sum that does not fit is an error (Redis)",
        file: "cache-redis/src/scripts/increment.lua",
        with: "if not sum[1] then return { 'overflow' } end",
        without: "",
    },
    Guard {
        name: "cleaning up leaves what is alive",
        file: "cache-redis/src/scripts/remove.lua",
        with: "if redis.pcall('GETRANGE', slot, 4, 19) ~= ARGV[1] then return 0 end",
        without: "",
    },
    Guard {
        name: "cleaning up leaves leases",
        file: "cache-redis/src/scripts/remove.lua",
        with: "if left <= 0 then return",
        without: "if true then return",
    },
    Guard {
        name: "what is taken is not from before an invalidation that arrived meanwhile",
        file: "cache-core/src/remote/mod.rs",
        with: "Sight::Entry(_) if self.journal.takings() != takings => Sight",
        without: "Sight::Entry(_) if false => Sight",
    },
    Guard {
        name: "a set that was overtaken waits for what became of the other",
        file: "cache-core/src/cache/set.rs",
        with: "let Stored::Overtaken(over) = stored.await? else {",
        without: "let Stored::Overtaken(over) = stored.await.map(|_| Stored::Here)? else {",
    },
    Guard {
        name: "nothing is set under an invalidation that is on its way",
        file: "cache-core/src/cache/set.rs",
        with: "if remote.distrusts(&spec.key, &scopes) {",
        without: "if false {",
    },
    Guard {
        name: "a read checks generations (store)",
        file: "cache-core/src/remote/mod.rs",
        with: "Some(_) => return Ok(false),",
        without: "Some(_) => {}",
    },
    Guard {
        name: "a missing generation is an ended one (store)",
        file: "cache-core/src/remote/mod.rs",
        with: "Some(asked) if generations.get(asked) == Some(&Some(*generation)) => {}",
        without: "Some(asked) if generations.get(asked).is_none_or(|g| g.is_none_or(|g| g == *generation)) => {}",
    },
    Guard {
        name: "a caller joins only a flight that nothing overtook in another process",
        file: "cache-core/src/flight.rs",
        with: "load.began > looked || load.lease.as_ref().is_some_and(confirms)",
        without: "let _ = (looked, confirms); load.began == load.began",
    },
    Guard {
        name: "a caller that came before the load joins it",
        file: "cache-core/src/flight.rs",
        with: "load.began > looked || load.lease",
        without: "let _ = looked; load.lease",
    },
    Guard {
        name: "an exclusive lease excludes",
        file: "cache-redis/src/scripts/lease.lua",
        with: "if claim == 'exclusive' or is_own then",
        without: "if is_own and claim == 'shared' then",
    },
    Guard {
        name: "a caller that cannot look joins only a load that begins later",
        file: "cache-core/src/cache/store_load.rs",
        with: "None => flight.admits(looked, |_| false),",
        without: "None => true,",
    },
    Guard {
        name: "a lease of one's own is not shared",
        file: "cache-redis/src/scripts/lease.lua",
        with: "local is_own = string.byte(held, 16) % 2 == 1",
        without: "local is_own = false",
    },
    Guard {
        name: "a lease that could not be ours keeps nobody waiting",
        file: "cache-redis/src/scripts/lease.lua",
        with: " and ends - now <= math.max(10 * lasts, 60000)",
        without: "",
    },
    Guard {
        name: "what Serialize writes is what Deserialize reads",
        file: "cache-core/src/codec/shape.rs",
        with: "tracer.trace_value(&mut written, value).ok()?;",
        without: "let _ = (&mut written, value);",
    },
    Guard {
        name: "an answer from before a queued invalidation is read again",
        file: "cache-core/src/remote/mod.rs",
        with: "self.journal.takings() != takings",
        without: "takings == u64::MAX",
    },
    Guard {
        name: "an entry must be in every scope that the code knows",
        file: "cache-core/src/remote/mod.rs",
        with: "&& scopes.iter().all(|scope| lists(scope))",
        without: "",
    },
    Guard {
        name: "a dropped leader leaves the table",
        file: "cache-core/src/flight.rs",
        with: "        if self.has_landed {\n            return;\n        }",
        without: "        return;",
    },
    Guard {
        name: "a dropped lease is given back",
        file: "cache-core/src/remote/mod.rs",
        with: "        if self.is_used {\n            return;\n        }",
        without: "        return;",
    },
    Guard {
        name: "a lease is renewed while its load runs",
        file: "cache-core/src/cache/store_load.rs",
        with: "        Some(Box::pin(renewals(remote, lease)))",
        without: "        let _ = lease;\n        None",
    },
    Guard {
        name: "what is queued is neither read nor filled",
        file: "cache-core/src/remote/journal.rs",
        with: "if self.len() == 0 {\n            return false;\n        }",
        without: "if self.len() < usize::MAX {\n            return false;\n        }",
    },
    Guard {
        name: "an invalidation that fails is kept",
        file: "cache-core/src/remote/journal.rs",
        with: "self.journal.keep(scopes, keys, pattern);",
        without: "drop((scopes, keys, pattern));",
    },
    Guard {
        name: "an entry is read only under its own key",
        file: "cache-core/src/envelope.rs",
        with: "xxh3_64_with_seed(bytes, xxh3_64_with_seed(key.as_bytes(), 0))",
        without: "xxh3_64_with_seed(bytes, key.len() as u64 & 0)",
    },
    Guard {
        name: "changed bytes are noticed",
        file: "cache-core/src/envelope.rs",
        with: "if sum == sum_in(bytes)? && codec",
        without: "if (sum == sum_in(bytes)? || true) && codec",
    },
    Guard {
        name: "a changed shape is noticed",
        file: "cache-core/src/codec/mod.rs",
        with: "if codec & 0x0f == POSTCARD && Shape::of::<T>() != Shape::Known(shape) {",
        without: "if codec & 0x0f == POSTCARD && Shape::of::<T>() == Shape::Unknown {",
    },
    Guard {
        name: "a write invalidates when it is dropped",
        file: "cache-core/src/write.rs",
        with: "self.home\n                .invalidate_later(&targets, Some(self.site.counters()));",
        without: "drop(targets);",
    },
    Guard {
        name: "a write hears of what others invalidate before it puts",
        file: "cache-core/src/cache/invalidate.rs",
        with: "self.shared.fences.note(by, &scopes, &keys);",
        without: "let _ = by;",
    },
    Guard {
        name: "a write hears of what others delete before it puts",
        file: "cache-core/src/cache/delete.rs",
        with: "self.shared.fences.note_key(key.qualified());",
        without: "",
    },
    Guard {
        name: "a write hears of deletions by pattern before it puts",
        file: "cache-core/src/cache/delete.rs",
        with: "self.shared.fences.note_pattern(&pattern);",
        without: "",
    },
    Guard {
        name: "a write hears of what others set before it puts (memory)",
        file: "cache-core/src/cache/near.rs",
        with: "self.shared.fences.note_key(key);",
        without: "",
    },
    Guard {
        name: "a write hears of what others set if it is absent before it puts",
        file: "cache-core/src/cache/set.rs",
        with: "self.shared.fences.note_key(key);\n        match self.stand(self.meant(spec.layers)) {\n            None => Ok(false)",
        without: "match self.stand(self.meant(spec.layers)) {\n            None => Ok(false)",
    },
    Guard {
        name: "a write hears of what others count before it puts",
        file: "cache-core/src/cache/increment.rs",
        with: "cache.shared.fences.note_key(spec.key.qualified());",
        without: "",
    },
    Guard {
        name: "what is forgotten of a fence's log counts as covering everything",
        file: "cache-core/src/fence.rs",
        with: "log.forgotten > self.number",
        without: "false",
    },
    Guard {
        name: "nothing is put that was overtaken (memory)",
        file: "cache-core/src/cache/put.rs",
        with: "        if fence.is_breached(key, &spot.scopes) {\n            drop(locked);",
        without: "        if false {\n            drop(locked);",
    },
    Guard {
        name: "nothing is put that was overtaken after the first question (store)",
        file: "cache-core/src/cache/put.rs",
        with: "        let key = spot.key.qualified();\n        if opened.fence.is_breached(key, &spot.scopes)",
        without: "        let key = spot.key.qualified();\n        if opened.fence.is_breached(key, &spot.scopes) && false",
    },
    Guard {
        name: "a step is taken only from the generation that was seen (Redis)",
        file: "cache-redis/src/scripts/advance.lua",
        with: "if current ~= ARGV[1] then return current end",
        without: "",
    },
    Guard {
        name: "a put that is refused leaves nothing from before it",
        file: "cache-core/src/cache/put.rs",
        with: "refused.push(candidate.key().to_owned());",
        without: "",
    },
    Guard {
        name: "a write that puts invalidates what else it names",
        file: "cache-core/src/cache/put.rs",
        with: "if !keys.is_empty() || !scopes.is_empty() {",
        without: "if false {",
    },
    Guard {
        name: "what is known only by what a write returned is not put over an entry",
        file: "cache-core/src/cache/put.rs",
        with: "expected: Expected::NoEntry,",
        without: "expected: Expected::Anything,",
    },
    Guard {
        name: "what is known only by what a write returned is not put beside a load",
        file: "cache-core/src/cache/put.rs",
        with: "let claim = Claim::Exclusive;",
        without: "let claim = Claim::Replacing;",
    },
    Guard {
        name: "a write under way keeps no lock waiting",
        file: "cache-redis/src/scripts/lease.lua",
        with: "local yields = string.byte(held, 16) % 4 == 2",
        without: "local yields = false",
    },
    Guard {
        name: "values are escaped in keys",
        file: "cache-core/src/key/escape.rs",
        with: "if always_escaped(character) || before == Some(character) {",
        without: "if character == char::MAX {",
    },
    // Batches.
    Guard {
        name: "a batch looks again when an invalidation has arrived meanwhile",
        file: "cache-core/src/remote/many.rs",
        with: "if has_found && self.journal.takings() != takings {",
        without: "if has_found && false {",
    },
    Guard {
        name: "a batch compares leases by the scopes that it knows",
        file: "cache-core/src/remote/many.rs",
        with: "seen.generations.truncate(known.len());",
        without: "let _ = (seen, known);",
    },
    Guard {
        name: "a key that did not come is an answer for other batches (memory)",
        file: "cache-core/src/cache/many_load/memory.rs",
        with: "land(memory, leading, Ending::Absent, None);",
        without: "land(memory, leading, Ending::Abandoned, None);",
    },
    Guard {
        name: "a key that did not come is an answer for other batches (store)",
        file: "cache-core/src/cache/many_load/store.rs",
        with: "leading.land(Ending::Absent, || {});",
        without: "leading.land(Ending::Abandoned, || {});",
    },
    Guard {
        name: "a batch that waited twice loads for itself (memory)",
        file: "cache-core/src/cache/many_load/memory.rs",
        with: "Role::Wait(flight) if waits < WAITS => joined.push((entry, flight)),",
        without: "Role::Wait(flight) if waits < usize::MAX => joined.push((entry, flight)),",
    },
    Guard {
        name: "a batch that waited twice loads for itself (store)",
        file: "cache-core/src/cache/many_load/store.rs",
        with: "_ if waits >= WAITS => alone.push(entry),",
        without: "_ if waits == usize::MAX => alone.push(entry),",
    },
    Guard {
        name: "a failure of several keys is nobody else's",
        file: "cache-core/src/cache/many_load/memory.rs",
        with: "&& led.len() == 1\n",
        without: "&& led.len() != 1\n",
    },
    Guard {
        name: "a batch waits for locks of other processes",
        file: "cache-core/src/cache/many_load/store.rs",
        with: "Some(Answered::Held) => leases.held_back.push(entry),",
        without: "Some(Answered::Held) => leases.led.push((entry, leading, None)),",
    },
    Guard {
        name: "what a refresh does not bring is gone (memory)",
        file: "cache-core/src/cache/many_load/mod.rs",
        with: "place.take(key.qualified());",
        without: "let _ = key;",
    },
    Guard {
        name: "what a refresh does not bring is gone (store)",
        file: "cache-core/src/cache/many_load/mod.rs",
        with: "self.invalidate(keys).await;",
        without: "drop(keys);",
    },
    Guard {
        name: "a batch serves what is stale only if there is something for every key",
        file: "cache-core/src/cache/many_load/store.rs",
        with: "stale.collect::<Option<Vec<_>>>()",
        without: "Some(stale.flatten().collect::<Vec<_>>())",
    },
];

/// Runs the tests once for each guard. An error names the guards that no test noticed.
pub(crate) fn run(only: Option<&str>) -> Result<(), String> {
    let copy = Path::new("target/mutants/tree");
    copy_tree(copy)?;
    let mut unnoticed = Vec::new();
    for Suite { guards, tests } in SUITES {
        let meant = |guard: &&Guard| only.is_none_or(|only| guard.name.contains(only));
        let guards: Vec<&Guard> = guards.iter().filter(meant).collect();
        if !guards.is_empty() && is_noticed(copy, tests)? {
            return Err("a test fails with every guard in its place".to_owned());
        }
        for guard in guards {
            let noticed = without(guard, copy, || is_noticed(copy, tests))?;
            println!(
                "{}  {}",
                if noticed { "noticed  " } else { "UNNOTICED" },
                guard.name
            );
            if !noticed {
                unnoticed.push(guard.name);
            }
        }
    }
    if unnoticed.is_empty() {
        Ok(())
    } else {
        Err(format!("no test noticed: {}", unnoticed.join("; ")))
    }
}

/// Does something while a guard is missing in the tree.
fn without<T>(
    guard: &Guard,
    tree: &Path,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let file = tree.join(guard.file);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", guard.file))?;
    if !text.contains(guard.with) {
        return Err(format!("`{}` no longer says `{}`", guard.file, guard.with));
    }
    let mutated = text.replacen(guard.with, guard.without, 1);
    fs::write(&file, mutated).map_err(|error| error.to_string())?;
    let done = work();
    fs::write(&file, text).map_err(|error| error.to_string())?;
    done
}

/// Whether a test fails. Code that does not compile is a mistake in the list, not a notice.
fn is_noticed(copy: &Path, tests: &[&[&str]]) -> Result<bool, String> {
    for tests in tests {
        let (targets, names) = match tests.iter().position(|argument| *argument == "--") {
            Some(names) => tests.split_at(names),
            None => (*tests, &[][..]),
        };
        if !passes(copy, &[&["--no-run"], targets].concat())? {
            return Err("the tree does not compile without this guard".to_owned());
        }
        if !passes(copy, &[&["--no-fail-fast"], targets, names].concat())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `cargo test` succeeds with these arguments.
fn passes(copy: &Path, arguments: &[&str]) -> Result<bool, String> {
    Command::new(env!("CARGO"))
        .arg("test")
        .args(arguments)
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", "../build")
        .env("RUSTFLAGS", "--cap-lints allow")
        .env("LARDER_TEST_SECONDS", "5")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(|status| status.success())
        .map_err(|error| error.to_string())
}

fn copy_tree(to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| error.to_string())?;
    let files = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| format!("git could not be started: {error}"))?;
    for file in String::from_utf8_lossy(&files.stdout).lines() {
        let target = to.join(file);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        fs::copy(file, &target).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}
