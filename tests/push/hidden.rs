//! A store's own changes are not told where that is of use, and hide nothing that others do.
//!
//! The server tells of a key once for all that happened to it in one step. So the tests have it asleep
//! while others and the store send it something: it takes all of that in one step.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use larder::store::{Advance, Filled, Nonce, Store as _};
use larder_testkit::RedisServer;

use crate::stage::{Stage, Told, in_time};

async fn sleepy() -> RedisServer {
    RedisServer::builder()
        .arg("enable-debug-command", "yes")
        .start()
        .await
}

/// Someone else, who does not wait for answers: what is sent is under way when `send` returns.
struct Other(TcpStream);

impl Other {
    fn of(server: &RedisServer) -> Self {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("it is there");
        stream.write_all(b"PING\r\n").expect("it is there");
        stream.read_exact(&mut [0; 7]).expect("it answers");
        Self(stream)
    }

    fn send(&mut self, command: &str) {
        let line = format!("{command}\r\n");
        self.0.write_all(line.as_bytes()).expect("it is there");
    }
}

const KEY: &str = ":user:7";

#[tokio::test]
async fn what_the_store_fills_or_ends_itself_is_not_told() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let scopes = ["tag:users".to_owned()];
        let token = stage.lease(KEY, &scopes).await;
        let _ = stage.so_far(&mut other).await;

        let filled = stage.fill_under(KEY, token, &scopes).await;
        assert_eq!(filled.expect("it answers"), Filled::Stored);
        let keys = [KEY.to_owned()];
        let invalidated = stage.store.invalidate(&scopes, &keys).await;
        invalidated.expect("it answers");
        assert_eq!(stage.so_far(&mut other).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_fill_is_stored_by_a_server_that_forgot_its_scripts() {
    in_time(async {
        let server = RedisServer::start().await;
        let stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        for _ in 0..2 {
            let token = stage.lease(KEY, &[]).await;
            let () = crate::stage::send(&mut other, "SCRIPT FLUSH").await;
            let filled = stage.fill_under(KEY, token, &[]).await;
            assert_eq!(filled.expect("it answers"), Filled::Stored);
        }
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_others_end_right_after_its_fill_is_told_of() {
    in_time(async {
        let server = sleepy().await;
        let mut stage = Stage::at(server.url()).await;
        let token = stage.lease(KEY, &[]).await;
        assert_eq!(stage.next().await, Told::slot(KEY));
        let mut other = Other::of(&server);
        let mut sleeper = Other::of(&server);
        sleeper.send("DEBUG SLEEP 0.3");
        let fill = stage.fill_under(KEY, token, &[]);
        let unlink = async {
            // The fill comes first: its call is polled before this one, and sent when this one waits.
            tokio::time::sleep(Duration::from_millis(100)).await;
            other.send("UNLINK shop:v1::user:7");
        };
        let (filled, ()) = tokio::join!(fill, unlink);
        assert_eq!(filled.expect("it answers"), Filled::Stored);
        assert_eq!(stage.next().await, Told::slot(KEY));
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_right_before_a_fill_that_it_overtakes_is_told() {
    in_time(async {
        let server = sleepy().await;
        let mut stage = Stage::at(server.url()).await;
        // An entry with a lease on it is there: the fill's step changes it whatever becomes of the fill.
        let old = stage.lease(KEY, &[]).await;
        assert_eq!(stage.next().await, Told::slot(KEY));
        let mut other = Other::of(&server);
        let mut sleeper = Other::of(&server);
        sleeper.send("DEBUG SLEEP 0.3");
        other.send("SET shop:v1::user:7 another PX 1000");
        let filled = stage.fill_under(KEY, old, &[]).await;
        assert_eq!(filled.expect("it answers"), Filled::Overtaken);
        assert_eq!(stage.next().await, Told::slot(KEY));
    })
    .await;
}

#[tokio::test]
async fn a_fill_that_nobody_waits_for_hides_nothing() {
    in_time(async {
        let server = sleepy().await;
        let mut stage = Stage::at(server.url()).await;
        let token = stage.lease(KEY, &[]).await;
        assert_eq!(stage.next().await, Told::slot(KEY));
        let mut other = Other::of(&server);
        let mut sleeper = Other::of(&server);
        sleeper.send("DEBUG SLEEP 0.3");
        other.send("SET shop:v1::user:7 another PX 1000");
        let budget = Duration::from_millis(100);
        let fill = tokio::time::timeout(budget, stage.fill_under(KEY, token, &[]));
        assert!(fill.await.is_err(), "the server is asleep");
        assert_eq!(stage.next().await, Told::slot(KEY));
    })
    .await;
}

#[tokio::test]
async fn nothing_hides_behind_what_a_script_of_the_store_does() {
    in_time(async {
        let server = sleepy().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = Other::of(&server);
        let mut sleeper = Other::of(&server);
        for _ in 0..3 {
            sleeper.send("DEBUG SLEEP 0.1");
            other.send("UNLINK shop:v1:#tag:users");
            let steps = [Advance {
                scope: "tag:users".to_owned(),
                from: None,
                to: Nonce::random(),
            }];
            let advancing = stage.store.advance(&steps, Some(Duration::from_secs(60)));
            advancing.await.expect("it answers");
            stage.until(&Told::generation("tag:users")).await;
        }
    })
    .await;
}

/// A generation is begun by a plain command: the answer shows that there was another one before.
#[tokio::test]
async fn what_hides_behind_a_generation_that_is_begun_shows_in_the_answer() {
    in_time(async {
        let server = sleepy().await;
        let stage = Stage::at(server.url()).await;
        let mut other = Other::of(&server);
        let mut sleeper = Other::of(&server);
        let scopes = ["tag:users".to_owned()];
        let mut seen = Vec::new();
        for _ in 0..3 {
            sleeper.send("DEBUG SLEEP 0.1");
            other.send("UNLINK shop:v1:#tag:users");
            let _: Nonce = stage.lease(KEY, &scopes).await;
            let current = stage.store.generations(&scopes).await.expect("it answers");
            assert!(current[0].is_some() && !seen.contains(&current[0]));
            seen.push(current[0]);
        }
    })
    .await;
}
