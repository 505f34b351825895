//! The guards of caches with several tiers.

use super::Guard;

/// Those of process memory above a store, and of a stack.
pub(super) const GUARDS: &[Guard] = &[
    Guard {
        name: "process memory is distrusted when changes are not heard any more",
        file: "cache-core/src/cache/above.rs",
        with: "        self.is_heard.store(false, Ordering::Release);\n",
        without: "",
    },
    Guard {
        name: "what is in process memory ends when changes are not heard any more",
        file: "cache-core/src/cache/above.rs",
        with: "        self.is_heard.store(false, Ordering::Release);\n        self.generations.end(LINK);\n",
        without: "        self.is_heard.store(false, Ordering::Release);\n",
    },
    Guard {
        name: "a change of a slot that is heard ends what is in process memory",
        file: "cache-core/src/cache/above.rs",
        with: "    fn slot_changed(&self, key: &str) {\n        self.forget_key(key);",
        without: "    fn slot_changed(&self, key: &str) {\n        let _ = key;",
    },
    Guard {
        name: "a change of a generation that is heard ends what is in process memory",
        file: "cache-core/src/cache/above.rs",
        with: "    fn generation_changed(&self, scope: &str) {\n        self.generations.end(scope);",
        without: "    fn generation_changed(&self, scope: &str) {\n        let _ = scope;",
    },
    Guard {
        name: "what changed while it was read is not kept in process memory",
        file: "cache-core/src/cache/above.rs",
        with: "(is_confirmed && pledge.0.is_current()).then_some(pledge.0)",
        without: "let held = self.generations.hold(pledge.0.scopes());\n        is_confirmed.then_some(held)",
    },
    Guard {
        name: "a hit that the store checks is of the entry that is there",
        file: "cache-core/src/cache/above.rs",
        with: "there.identity == identity\n                    && there",
        without: "(there.identity == identity || true)\n                    && there",
    },
    Guard {
        name: "a hit that the store checks has generations that are current",
        file: "cache-core/src/cache/above.rs",
        with: "                    && current == known\n                    && entry.held.is_current()\n",
        without: "",
    },
    Guard {
        name: "process memory forgets what this process changes when the store has taken it",
        file: "cache-core/src/remote/own_changes.rs",
        with: "self.above.forget(self.scopes, self.keys);",
        without: "",
    },
    Guard {
        name: "a generation that a lease shows to be another one ends what is in process memory",
        file: "cache-core/src/remote/own_changes.rs",
        with: "Ok(Leased::Granted(lease)) => self.above.learn(request.scopes, &lease.generations),",
        without: "Ok(Leased::Granted(_)) => {}",
    },
    Guard {
        name: "what was read before an own value was stored has no place in process memory",
        file: "cache-core/src/generation.rs",
        with: "if generation.reserved.load(Ordering::Relaxed) {\n                return Generation::ended(scope);\n            }",
        without: "",
    },
    Guard {
        name: "a copy is valid under its own generation only",
        file: "cache-core/src/tier/read.rs",
        with: "if self.current != Some(Some(envelope.identity)) {",
        without: "if false {",
    },
    Guard {
        name: "a fill needs its lease (memcached, files and objects)",
        file: "cache-core/src/blobs/slot_step.rs",
        with: "        if self.token() == Some(token) {\n            let bytes = entry.to_vec();",
        without: "        if self.token() == Some(token) || true {\n            let bytes = entry.to_vec();",
    },
    Guard {
        name: "the end of a connection that tells of changes is told (Redis)",
        file: "cache-redis/src/watch/hearing.rs",
        with: "        self.watcher.lost();\n",
        without: "",
    },
    Guard {
        name: "a connection that tells of changes is asked whether it lives (Redis)",
        file: "cache-redis/src/watch/keeper.rs",
        with: "        if check(links, origin).await.is_err() {\n            return has_lasted;\n        }\n        has_lasted = true;",
        without: "        has_lasted = true;",
    },
    Guard {
        name: "an answer of a replica is no reason to believe its link (Redis)",
        file: "cache-redis/src/watch/links.rs",
        with: "if answers.iter().flatten().any(is_from_no_primary) {",
        without: "if false {",
    },
    Guard {
        name: "a fill that did not store hides no other's change (Redis)",
        file: "cache-redis/src/watch/fill.rs",
        with: "            && has_stored != Some(true)\n        {",
        without: "            && has_stored.is_none()\n        {",
    },
];
