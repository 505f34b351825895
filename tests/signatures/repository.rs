//! A repository layer: free functions with the pool as the first argument.

use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::sqlx::{self, PgPool};
use crate::{is_send, with_cache};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    id: u64,
    email: String,
}

/// `None` is not kept, so that who signs up is found at once.
#[cache_read(key = "user-of:{email:hash}", tags = ["users"], cache_none = false, skip(pool))]
pub(crate) async fn find_by_email(pool: &PgPool, email: &str) -> Result<Option<User>, sqlx::Error> {
    let rows = pool.rows().await?;
    let mut users = rows.into_iter().map(|(id, email)| User { id, email });
    Ok(users.find(|user| user.email == email))
}

#[cache_write(tags = ["users"])]
pub(crate) async fn change_email(pool: &PgPool, id: u64, email: &str) -> Result<(), sqlx::Error> {
    pool.update(id, email).await
}

#[tokio::test]
async fn a_query_with_a_pool_is_cached() {
    let pool = &PgPool::with(&[(7, "ada@example.org")]);
    with_cache(async {
        for _ in 0..2 {
            let found = is_send(find_by_email(pool, "ada@example.org")).await;
            assert_eq!(found.expect("it answers").map(|user| user.id), Some(7));
        }
        assert_eq!(pool.queries.so_far(), 1);

        let changed = is_send(change_email(pool, 7, "countess@example.org")).await;
        changed.expect("there is such a row");
        let found = find_by_email(pool, "ada@example.org").await;
        assert_eq!(found.expect("it answers"), None);
        let found = find_by_email(pool, "countess@example.org").await;
        assert_eq!(found.expect("it answers").map(|user| user.id), Some(7));
        assert_eq!(pool.queries.so_far(), 3);
        assert_eq!(find_by_email::stats().hits, 1);
    })
    .await;
}
