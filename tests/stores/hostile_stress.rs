//! Readers and writers at once, in every way there is: nobody reads what is older than an invalidation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, cache_read, cache_write};

use crate::stage::{Stage, on_every_store};

on_every_store! {
    nobody_reads_what_is_older_than_an_invalidation
}

#[derive(Clone, Default)]
struct Row(Arc<(AtomicU64, AtomicU64)>);

impl Row {
    fn version(&self) -> u64 {
        self.0.0.load(Ordering::SeqCst)
    }
    fn draw(&self) -> u64 {
        self.0
            .1
            .fetch_add(1, Ordering::SeqCst)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 33
    }
    async fn load(&self) -> Result<u64, String> {
        let read = self.version();
        for _ in 0..self.draw() % 20 {
            tokio::task::yield_now().await;
        }
        if self.draw().is_multiple_of(50) {
            // Longer than the load timeout, mostly.
            for _ in 0..2_000 {
                tokio::task::yield_now().await;
            }
        }
        if self.draw().is_multiple_of(4) {
            Err(format!("{read}"))
        } else {
            Ok(read)
        }
    }
}

macro_rules! reads {
    ($($name:ident: $key:literal $(, $option:ident = $value:expr)* ;)*) => {$(
        #[cache_read(key = $key, ttl = 60, early_ttl = 20, stale_for = 600, load_timeout = "1ms", cache_err = 5, tags = ["s-row", "s-other"], namespace = "s-space", skip(row) $(, $option = $value)*)]
        async fn $name(row: &Row) -> Result<u64, String> { row.load().await }
    )*};
}

reads! {
    aging: "s-aging";
    near: "s-near", layer = "l1";
    sliding: "s-sliding", refresh = true;
    locked: "s-locked", lock = true;
}

#[cache_read(key = "s-plain", ttl = 60, tags = ["s-row"], namespace = "s-space", skip(row))]
fn plain(row: &Row) -> Result<u64, String> {
    let read = row.version();
    for _ in 0..row.draw() % 20 {
        std::thread::yield_now();
    }
    Ok(read)
}

#[cache_read(key = "s-row", ttl = 60, skip(row))]
async fn by_key(row: &Row) -> Result<u64, String> {
    row.load().await
}

#[cache_write(tags = ["s-row"], put = [aging(), near(), sliding()])]
async fn write(row: &Row) -> Result<u64, String> {
    let written = row.0.0.fetch_add(1, Ordering::SeqCst) + 1;
    for _ in 0..row.draw() % 20 {
        tokio::task::yield_now().await;
    }
    if row.draw().is_multiple_of(4) {
        Err(format!("{written}"))
    } else {
        Ok(written)
    }
}

fn version(read: Result<u64, String>) -> u64 {
    read.unwrap_or_else(|error| error.parse().expect("it is a version"))
}

async fn on<T>(cache: &Cache, test: impl Future<Output = T>) -> T {
    larder::scope(cache.clone(), test).await
}

async fn nobody_reads_what_is_older_than_an_invalidation(stage: Stage) {
    let row = Row::default();
    let floor = Arc::new(AtomicU64::new(0));
    // Of what only this process's invalidations reach.
    let near_floor = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for number in 0..24 {
        let (row, floor, near_floor, done) =
            (row.clone(), floor.clone(), near_floor.clone(), done.clone());
        let here = number % 2 == 0;
        let cache = if here {
            stage.cache.clone()
        } else {
            stage.other.clone()
        };
        readers.push(tokio::spawn(async move {
            let mut reads = 0_u64;
            while !done.load(Ordering::SeqCst) {
                let is_near = matches!(number % 6, 1 | 4);
                let least = if is_near {
                    if here {
                        near_floor.load(Ordering::SeqCst)
                    } else {
                        0
                    }
                } else {
                    floor.load(Ordering::SeqCst)
                };
                let read = match number % 6 {
                    0 => on(&cache, aging(&row)).await,
                    1 => on(&cache, near(&row)).await,
                    2 => on(&cache, sliding(&row)).await,
                    3 => on(&cache, locked(&row)).await,
                    4 => on(&cache, async { plain(&row) }).await,
                    _ => on(&cache, by_key(&row)).await,
                };
                let read = version(read);
                assert!(read >= least, "reader {number} read {read} after {least}");
                reads += 1;
                tokio::task::yield_now().await;
            }
            reads
        }));
    }
    for round in 0..600_u64 {
        let cache = if round % 5 == 4 {
            &stage.other
        } else {
            &stage.cache
        };
        let writing = round % 2 == 0;
        let written = if writing {
            version(on(cache, write(&row)).await)
        } else {
            let written = row.0.0.fetch_add(1, Ordering::SeqCst) + 1;
            match round % 6 {
                1 => drop(cache.invalidate_tags(["s-row"]).await.expect("it is taken")),
                3 => {
                    cache
                        .invalidate_namespace("s-space")
                        .await
                        .expect("it is taken");
                    cache.invalidate_key("s-row").await.expect("it is taken");
                }
                _ => drop(cache.clear().await.expect("it is taken")),
            }
            written
        };
        floor.fetch_max(written, Ordering::SeqCst);
        let is_here = round % 5 != 4 || stage.server.is_none();
        if is_here {
            near_floor.fetch_max(written, Ordering::SeqCst);
        }
        stage.clock.advance(Duration::from_secs(row.draw() % 50));
        for _ in 0..row.draw() % 40 {
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::SeqCst);
    let mut reads = 0;
    for reader in readers {
        reads += reader.await.expect("it reads nothing old");
    }
    assert!(reads > 0, "somebody reads");
}
