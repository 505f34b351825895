//! Servers that do not tell.

use std::io;
use std::sync::{Arc, Mutex};

use larder::store::{Filled, Store as _};
use larder_testkit::RedisServer;

use crate::stage::{Stage, Told, in_time, other, send};

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

#[tokio::test]
async fn without_permission_nothing_is_heard_until_it_is_given() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    // The store's tasks run on the test's own thread.
    let _subscribed = tracing::subscriber::set_default(subscriber);
    in_time(async {
        let server = RedisServer::builder()
            .acl_user("app", "secret")
            .acl_user("admin", "secret")
            .start()
            .await;
        let admin = server.url().replace("app:", "admin:");
        let mut admin = other(&admin).await;
        let () = send(&mut admin, "ACL SETUSER app -client|tracking").await;
        let builder = larder_redis::RedisStore::builder(server.url());
        let mut stage = Stage::unheard(builder, Some(server.url())).await;
        // It was refused, more than once.
        let mut refused = 0;
        while refused < 2 {
            let log: Vec<std::collections::HashMap<String, redis::Value>> =
                send(&mut admin, "ACL LOG").await;
            let counts = log.iter().map(|entry| &entry["count"]);
            refused = counts
                .map(|count| match count {
                    redis::Value::Int(count) => *count,
                    other => panic!("{other:?}"),
                })
                .sum();
        }
        // The store does what else it does.
        assert_eq!(stage.fill(":user:7", &[]).await, Filled::Stored);
        stage.store.ping().await.expect("it answers");
        assert_eq!(stage.heard(), []);

        // It was refused more than once, and told once, with what to do and without the password.
        let text = log.text();
        assert_eq!(
            text.matches("does not tell of changes").count(),
            1,
            "{text}"
        );
        assert!(text.contains("client|tracking") && text.contains("coherence = \"strict\""));
        assert!(!text.contains("secret"));

        let () = send(&mut admin, "ACL SETUSER app +client|tracking").await;
        assert_eq!(stage.next().await, Told::Regained);
    })
    .await;
}
