//! Functions on a transaction: reads that are cached must not see what may yet be rolled back, so the
//! write that commits is the one that is annotated.

use larder::{cache_read, cache_write};

use crate::sqlx::{self, PgPool, Postgres, Transaction};
use crate::{is_send, with_cache};

/// What is borrowed for the call, also mutably, stays as it is.
#[cache_read(key = "balance:{account_id}", skip(tx))]
pub(crate) async fn balance(
    tx: &mut Transaction<'_, Postgres>,
    account_id: u64,
) -> Result<u64, sqlx::Error> {
    let rows = tx.pool.rows().await?;
    let row = rows.into_iter().find(|(id, _)| *id == account_id);
    let (_, balance) = row.ok_or(sqlx::Error::RowNotFound)?;
    balance
        .parse()
        .map_err(|_| sqlx::Error::Protocol("no number".to_owned()))
}

/// A step of a write, before it is known whether it will hold: it is not annotated.
pub(crate) async fn deposit(
    tx: &mut Transaction<'_, Postgres>,
    account_id: u64,
    amount: u64,
) -> Result<(), sqlx::Error> {
    let rows = tx.pool.rows().await?;
    let row = rows.into_iter().find(|(id, _)| *id == account_id);
    let before: u64 = row
        .and_then(|(_, balance)| balance.parse().ok())
        .unwrap_or(0);
    tx.write(account_id, &(before + amount).to_string());
    Ok(())
}

#[cache_write(tags = ["balance:{account_id}"])]
pub(crate) async fn pay_in(
    mut tx: Transaction<'_, Postgres>,
    account_id: u64,
    amount: u64,
) -> Result<(), sqlx::Error> {
    deposit(&mut tx, account_id, amount).await?;
    tx.commit().await
}

#[tokio::test]
async fn a_read_on_a_transaction_is_cached_and_ended_by_the_commit() {
    let pool = PgPool::with(&[(7, "100")]);
    with_cache(async {
        let mut tx = pool.begin().await.expect("it begins");
        assert_eq!(
            is_send(balance(&mut tx, 7)).await.expect("it is there"),
            100
        );
        assert_eq!(balance(&mut tx, 7).await.expect("it is there"), 100);
        assert_eq!(pool.queries.so_far(), 1);
        drop(tx);

        let tx = pool.begin().await.expect("it begins");
        is_send(pay_in(tx, 7, 20)).await.expect("it commits");
        let mut tx = pool.begin().await.expect("it begins");
        assert_eq!(balance(&mut tx, 7).await.expect("it is there"), 120);
        assert_eq!(balance::stats().hits, 1);
    })
    .await;
}
