//! A batch function as a GraphQL data loader calls it.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use larder::{cache_read_many, cache_write};

use crate::sqlx::{self, PgPool};
use crate::{is_send, with_cache};

/// As in `async-graphql`.
pub(crate) trait Loader<K: Send + Sync + Clone + 'static>: Send + Sync + 'static {
    type Value: Send + Sync + Clone + 'static;
    type Error: Send + Clone + 'static;

    fn load(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<HashMap<K, Self::Value>, Self::Error>> + Send;
}

pub(crate) struct Names {
    pool: PgPool,
}

impl Loader<u64> for Names {
    type Value = String;
    type Error = Arc<sqlx::Error>;

    /// One entry for each key, and one query for those that are missing.
    #[cache_read_many(key = "name:{key}", skip(self))]
    async fn load(&self, keys: &[u64]) -> Result<HashMap<u64, Self::Value>, Self::Error> {
        let rows = self.pool.rows().await.map_err(Arc::new)?;
        Ok(rows
            .into_iter()
            .filter(|(id, _)| keys.contains(id))
            .collect())
    }
}

impl Names {
    #[cache_write(tags = ["name:{id}"])]
    async fn rename(&self, id: u64, name: &str) -> Result<(), sqlx::Error> {
        self.pool.update(id, name).await
    }
}

#[tokio::test]
async fn a_batch_of_a_data_loader_is_cached() {
    let loader = Names {
        pool: PgPool::with(&[(1, "Ada"), (2, "Grace"), (3, "Edith")]),
    };
    let load = async |keys: &[u64]| -> BTreeMap<u64, String> {
        let loaded = is_send(loader.load(keys)).await.expect("it answers");
        loaded.into_iter().collect()
    };
    with_cache(async {
        let first = load(&[1, 2]).await;
        assert_eq!((first.len(), load(&[2, 1]).await), (2, first));
        assert_eq!(loader.pool.queries.so_far(), 1);
        assert_eq!(load(&[1, 3]).await.len(), 2, "3 is loaded, 1 is there");
        assert_eq!(loader.pool.queries.so_far(), 2);

        loader
            .rename(2, "Hopper")
            .await
            .expect("there is such a row");
        let renamed = load(&[1, 2, 3]).await;
        assert_eq!(renamed.get(&2).map(String::as_str), Some("Hopper"));
        assert_eq!(loader.pool.queries.so_far(), 3);
    })
    .await;
}
