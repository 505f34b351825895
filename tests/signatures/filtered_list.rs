//! A page of a list, by a filter with many fields that may be left out.

use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::sqlx::{self, PgPool};
use crate::{is_send, with_cache};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ProductFilter {
    name_contains: Option<String>,
    ids: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Pagination {
    page: usize,
    per_page: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paginated<T> {
    items: Vec<T>,
    total: usize,
}

/// No key: all of filter and page is hashed, so that a field that is added is not forgotten.
#[cache_read(tags = ["products"], ttl = "30s", skip(pool))]
pub(crate) async fn list_products(
    pool: &PgPool,
    filter: ProductFilter,
    Pagination { page, per_page }: Pagination,
) -> Result<Paginated<String>, sqlx::Error> {
    let rows = pool.rows().await?.into_iter();
    let found = rows
        .filter(|(id, _)| filter.ids.is_empty() || filter.ids.contains(id))
        .map(|(_, name)| name)
        .filter(|name| {
            filter
                .name_contains
                .as_ref()
                .is_none_or(|part| name.contains(part))
        });
    let found: Vec<_> = found.collect();
    let total = found.len();
    let items = found
        .into_iter()
        .skip(page * per_page)
        .take(per_page)
        .collect();
    Ok(Paginated { items, total })
}

#[cache_write(tags = ["products"])]
pub(crate) async fn rename_product(pool: &PgPool, id: u64, name: &str) -> Result<(), sqlx::Error> {
    pool.update(id, name).await
}

#[tokio::test]
async fn a_filtered_list_is_cached_page_by_page() {
    let pool = &PgPool::with(&[(1, "axe"), (2, "box"), (3, "fox")]);
    let list = async |part: &str, page| {
        let filter = ProductFilter {
            name_contains: Some(part.to_owned()),
            ids: vec![],
        };
        let listed = is_send(list_products(
            pool,
            filter,
            Pagination { page, per_page: 1 },
        ))
        .await;
        listed.expect("it answers").items
    };
    with_cache(async {
        assert_eq!(
            (list("ox", 0).await, list("ox", 0).await),
            (vec!["box".into()], vec!["box".into()])
        );
        assert_eq!(pool.queries.so_far(), 1);
        assert_eq!(list("ox", 1).await, ["fox"]);
        assert_eq!(list("x", 1).await, ["box"]);
        assert_eq!(pool.queries.so_far(), 3);

        is_send(rename_product(pool, 2, "crate"))
            .await
            .expect("there is such a row");
        assert_eq!(list("ox", 0).await, ["fox"]);
        assert_eq!(list("ox", 1).await, Vec::<String>::new());
    })
    .await;
}
