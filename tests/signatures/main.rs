//! Signatures as they stand in public async applications, each with the attribute above it and nothing
//! else changed. What is foreign (a pool, a transaction, a client) is stood for by a type of the same
//! name and bounds. Each is called twice, which loads once, and again after a write.

mod data_loader;
mod default_body;
mod extractors;
mod fetcher;
mod filtered_list;
mod hexagonal_port;
mod repository;
mod service;
mod settings;
mod token;
mod tower_service;
mod transaction;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::{Cache, Caches};

/// How often something that is cached was asked.
#[derive(Debug, Default)]
struct Calls(AtomicUsize);

impl Calls {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn so_far(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs a test with a cache of its own.
async fn with_cache<F: Future>(test: F) -> F::Output {
    Caches::single(Cache::memory()).scope(test).await
}

/// As servers ask it of what they run.
fn is_send<T: Send>(future: T) -> T {
    future
}

#[test]
fn nothing_is_found_between_them() {
    let report = larder::check();
    assert!(report.is_clean(), "{report}");
}

mod sqlx {
    //! As far as signatures name it.

    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::Calls;

    #[derive(Debug, thiserror::Error)]
    pub(crate) enum Error {
        #[error("no rows returned by a query that expected to return at least one row")]
        RowNotFound,
        #[error("poisoned")]
        Protocol(String),
    }

    /// A table of one column.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct PgPool {
        pub(crate) queries: Arc<Calls>,
        rows: Arc<Mutex<BTreeMap<u64, String>>>,
    }

    impl PgPool {
        pub(crate) fn with(rows: &[(u64, &str)]) -> Self {
            let rows = rows.iter().map(|(id, row)| (*id, (*row).to_owned()));
            Self {
                queries: Arc::default(),
                rows: Arc::new(Mutex::new(rows.collect())),
            }
        }

        pub(crate) async fn rows(&self) -> Result<Vec<(u64, String)>, Error> {
            self.queries.count();
            tokio::task::yield_now().await;
            let rows = self.rows.lock();
            let rows = rows.map_err(|error| Error::Protocol(error.to_string()))?;
            Ok(rows.iter().map(|(id, row)| (*id, row.clone())).collect())
        }

        pub(crate) async fn update(&self, id: u64, row: &str) -> Result<(), Error> {
            tokio::task::yield_now().await;
            let rows = self.rows.lock();
            let mut rows = rows.map_err(|error| Error::Protocol(error.to_string()))?;
            row.clone_into(rows.get_mut(&id).ok_or(Error::RowNotFound)?);
            Ok(())
        }

        pub(crate) async fn begin(&self) -> Result<Transaction<'_, Postgres>, Error> {
            Ok(Transaction {
                pool: self,
                written: Vec::new(),
                database: std::marker::PhantomData,
            })
        }
    }

    #[derive(Debug)]
    pub(crate) struct Postgres;

    #[derive(Debug)]
    pub(crate) struct Transaction<'c, DB> {
        pub(crate) pool: &'c PgPool,
        written: Vec<(u64, String)>,
        database: std::marker::PhantomData<DB>,
    }

    impl<DB> Transaction<'_, DB> {
        pub(crate) fn write(&mut self, id: u64, row: &str) {
            self.written.push((id, row.to_owned()));
        }

        pub(crate) async fn commit(self) -> Result<(), Error> {
            for (id, row) in &self.written {
                self.pool.update(*id, row).await?;
            }
            Ok(())
        }
    }
}
