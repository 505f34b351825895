//! Servers that do not tell.

use larder::store::{Filled, Store as _};
use larder_testkit::RedisServer;

use crate::stage::{Stage, Told, in_time, other, send};

#[tokio::test]
async fn without_permission_nothing_is_heard_until_it_is_given() {
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

        let () = send(&mut admin, "ACL SETUSER app +client|tracking").await;
        assert_eq!(stage.next().await, Told::Regained);
    })
    .await;
}
