//! A trait whose default body asks what the implementations give.

use std::future::Future;

use larder::{cache_read, cache_write};

use crate::{Calls, is_send, with_cache};

pub(crate) trait ExchangeRates: Sync {
    fn provider(&self) -> &str;

    fn rate(&self, from: &str, to: &str) -> impl Future<Output = Option<u64>> + Send;

    /// Of a default body too, whose `Self` may be anything.
    #[cache_read(key = ("converted", self.provider(), amount, from, to), tags = ["rates"], ttl = "1m")]
    fn convert(
        &self,
        amount: u64,
        from: &str,
        to: &str,
    ) -> impl Future<Output = anyhow::Result<u64>> + Send {
        async move {
            let rate = self.rate(from, to).await;
            let rate = rate.ok_or_else(|| anyhow::anyhow!("no rate from {from} to {to}"))?;
            Ok(amount * rate)
        }
    }
}

#[derive(Default)]
struct Bank {
    name: &'static str,
    rate: u64,
    calls: Calls,
}

impl ExchangeRates for Bank {
    fn provider(&self) -> &str {
        self.name
    }

    async fn rate(&self, from: &str, to: &str) -> Option<u64> {
        self.calls.count();
        (from != to).then_some(self.rate)
    }
}

#[cache_write(tags = ["rates"])]
async fn publish_rates() {}

#[tokio::test]
async fn a_default_body_is_cached_for_each_implementation() {
    let bank = |name, rate| Bank {
        name,
        rate,
        calls: Calls::default(),
    };
    let (ecb, fed) = (bank("ecb", 2), bank("fed", 3));
    with_cache(async {
        for _ in 0..2 {
            assert_eq!(
                is_send(ecb.convert(5, "EUR", "USD"))
                    .await
                    .expect("there is a rate"),
                10
            );
            assert_eq!(
                fed.convert(5, "EUR", "USD").await.expect("there is a rate"),
                15
            );
        }
        assert_eq!((ecb.calls.so_far(), fed.calls.so_far()), (1, 1));

        publish_rates().await;
        ecb.convert(5, "EUR", "USD").await.expect("there is a rate");
        assert_eq!((ecb.calls.so_far(), fed.calls.so_far()), (2, 1));
        assert!(ecb.convert(5, "EUR", "EUR").await.is_err());
    })
    .await;
}
