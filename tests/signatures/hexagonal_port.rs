//! A port by `#[async_trait]`, and its adapter: the adapter is annotated, the port stays as it is.

use async_trait::async_trait;
use larder::{cache_read, cache_write};

use crate::sqlx::{self, PgPool};
use crate::with_cache;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ArticleError {
    #[error("no such article")]
    NotFound,
    #[error(transparent)]
    Unknown(#[from] anyhow::Error),
}

impl From<sqlx::Error> for ArticleError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            error @ sqlx::Error::Protocol(_) => Self::Unknown(error.into()),
        }
    }
}

#[async_trait]
pub(crate) trait ArticleRepository: Send + Sync + 'static {
    async fn title(&self, id: u64) -> Result<String, ArticleError>;
    async fn retitle(&mut self, id: u64, title: &str) -> Result<(), ArticleError>;
}

pub(crate) struct PgArticles {
    pool: PgPool,
    schema: &'static str,
}

#[async_trait]
impl ArticleRepository for PgArticles {
    #[cache_read(key = "title:{self.schema}:{id}", ttl = "5m")]
    async fn title(&self, id: u64) -> Result<String, ArticleError> {
        let rows = self.pool.rows().await?;
        let row = rows.into_iter().find(|(row, _)| *row == id);
        row.map(|(_, title)| title).ok_or(ArticleError::NotFound)
    }

    #[cache_write(tags = ["title:{self.schema}:{id}"])]
    async fn retitle(&mut self, id: u64, title: &str) -> Result<(), ArticleError> {
        Ok(self.pool.update(id, title).await?)
    }
}

#[tokio::test]
async fn an_adapter_of_a_port_is_cached_behind_its_object() {
    let pool = PgPool::with(&[(7, "Notes")]);
    let adapter = |schema| PgArticles {
        pool: pool.clone(),
        schema,
    };
    let mut articles: Box<dyn ArticleRepository> = Box::new(adapter("public"));
    with_cache(async {
        assert_eq!(articles.title(7).await.expect("it is there"), "Notes");
        assert_eq!(articles.title(7).await.expect("it is there"), "Notes");
        assert_eq!(pool.queries.so_far(), 1);
        // Another schema is another entry.
        assert_eq!(
            adapter("archive").title(7).await.expect("it is there"),
            "Notes"
        );
        assert_eq!(pool.queries.so_far(), 2);

        articles
            .retitle(7, "Sketch")
            .await
            .expect("there is such a row");
        assert_eq!(articles.title(7).await.expect("it is there"), "Sketch");
        assert_eq!(
            adapter("archive").title(7).await.expect("it is there"),
            "Notes"
        );
        assert!(matches!(
            articles.title(8).await,
            Err(ArticleError::NotFound)
        ));
        assert!(matches!(
            articles.retitle(8, "").await,
            Err(ArticleError::NotFound)
        ));
    })
    .await;
}
