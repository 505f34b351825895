//! What the server says unasked, on one link.

use std::sync::Arc;

use larder_core::store::Watcher;
use redis::aio::{AsyncPushSender, SendError};
use redis::{PushInfo, PushKind, Value};

use super::hearing::Hearing;
use crate::store::{Changed, Keyspace};

/// Hears in the task that reads the link, so that what the server said before an answer has been told
/// before the answer is there. It ends with that task, however the task ends: that is the end of the
/// stretch.
pub(crate) struct Ear {
    pub(crate) hearing: Arc<Hearing>,
    pub(crate) stretch: u64,
    pub(crate) keyspace: Arc<Keyspace>,
}

impl AsyncPushSender for Ear {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        match push.kind {
            PushKind::Invalidate => tell(self.hearing.watcher(), &self.keyspace, &push.data),
            PushKind::Disconnection => self.hearing.end(self.stretch),
            _ => {}
        }
        Ok(())
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.hearing.end(self.stretch);
    }
}

/// Tells of the keys in an `invalidate` message: a list, or nothing when the server was emptied.
fn tell(watcher: &dyn Watcher, keyspace: &Keyspace, message: &[Value]) {
    let [Value::Array(names)] = message else {
        return watcher.everything_changed();
    };
    for name in names {
        let Value::BulkString(name) = name else {
            return watcher.everything_changed();
        };
        match keyspace.changed(name) {
            Some(Changed::Slot(key)) => watcher.slot_changed(key),
            Some(Changed::Generation(scope)) => watcher.generation_changed(scope),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Watcher for Heard {
        fn slot_changed(&self, key: &str) {
            self.0.lock().push(format!("slot {key}"));
        }
        fn generation_changed(&self, scope: &str) {
            self.0.lock().push(format!("generation {scope}"));
        }
        fn everything_changed(&self) {
            self.0.lock().push("everything".to_owned());
        }
        fn lost(&self) {}
        fn regained(&self) {}
    }

    fn heard(message: &[Value]) -> Vec<String> {
        let heard = Heard::default();
        tell(&heard, &Keyspace::new("shop", "v1"), message);
        heard.0.into_inner()
    }

    fn names(names: &[&[u8]]) -> [Value; 1] {
        let names = names.iter().map(|name| Value::BulkString(name.to_vec()));
        [Value::Array(names.collect())]
    }

    #[test]
    fn keys_are_told_as_the_cache_calls_them() {
        let message = names(&[
            b"shop:v1::user:7",
            b"shop:v1:eu:user:7",
            b"shop:v1:#tag:users",
            b"shop:v1:#key::user:7",
        ]);
        assert_eq!(
            heard(&message),
            [
                "slot :user:7",
                "slot eu:user:7",
                "generation tag:users",
                "generation key::user:7"
            ]
        );
    }

    #[test]
    fn what_is_not_an_entry_of_the_store_is_left_out() {
        let message = names(&[
            b"shop:v1:#events",
            b"shop:v1:#events:position:mail",
            b"shop:v2::user:7",
            b"shop:v1:\xff",
            b"",
        ]);
        assert_eq!(heard(&message), [""; 0]);
    }

    #[test]
    fn an_emptied_server_and_a_message_of_another_shape_are_everything() {
        for message in [
            &[Value::Nil][..],
            &[],
            &[Value::Int(7)],
            &[Value::Array(vec![Value::Int(7)])],
            &[Value::Array(Vec::new()), Value::Nil],
        ] {
            assert_eq!(heard(message), ["everything"], "{message:?}");
        }
    }
}
