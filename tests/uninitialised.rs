//! A function that is called before `larder::init()` works, in process memory, and says so once.

use std::io::Write;
use std::sync::{Arc, Mutex};

use larder::cache_read;

#[cache_read(key = "square:{n}")]
async fn square(n: u64) -> u64 {
    n * n
}

/// A function whose cache nobody has configured: before `init` it uses process memory too.
#[cache_read(key = "cube:{n}", cache = "sessions")]
async fn cube(n: u64) -> u64 {
    n * n * n
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One test, because the caches of a process are set up once.
#[tokio::test]
async fn it_works_in_process_memory_and_warns_once() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer({
            let log = log.clone();
            move || log.clone()
        })
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for _ in 0..3 {
        assert_eq!(square(7).await, 49);
        assert_eq!(cube(3).await, 27);
    }
    assert_eq!((square::stats().loads, square::stats().hits), (1, 2));
    assert_eq!((cube::stats().loads, cube::stats().hits), (1, 2));
    let text = String::from_utf8(log.0.lock().expect("nobody panics").clone()).expect("text");
    assert_eq!(text.matches("before `larder::init()`").count(), 1, "{text}");

    // Setting up says which function wants a cache that there is not.
    let error = larder::builder()
        .install()
        .await
        .expect_err("`sessions` is not configured");
    let text = error.to_string();
    assert!(text.contains("no cache `sessions`"), "{text}");
    assert!(text.contains("uninitialised::cube"), "{text}");
    assert!(text.contains("known: default"), "{text}");

    let sessions = larder::Cache::memory();
    larder::builder()
        .cache("sessions", sessions.clone())
        .install()
        .await
        .expect("all are there");
    assert_eq!(cube(4).await, 64);
    assert_eq!(sessions.stats().loads, 1);
    larder::builder()
        .cache("sessions", sessions)
        .install()
        .await
        .expect_err("only once");
}
