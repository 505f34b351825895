//! `async fn` in traits: implementations and default bodies.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use larder::cache_read;
use std::future::Future;

trait Catalog {
    fn price(&self, id: u64) -> impl Future<Output = Option<u64>> + Send;

    async fn name(&self, id: u64) -> String;

    #[cache_read(key = "default:{id}", skip(self))]
    async fn with_default_body(&self, id: u64) -> u64 {
        self.price(id).await.unwrap_or(id)
    }
}

struct Shop {
    tenant: String,
}

impl Catalog for Shop {
    #[cache_read(key = "price:{self.tenant}:{id}", tags = ["{self.tenant}"])]
    fn price(&self, id: u64) -> impl Future<Output = Option<u64>> + Send {
        async move { Some(id) }
    }

    #[cache_read(key = "name:{self.tenant}:{id}")]
    async fn name(&self, id: u64) -> String {
        id.to_string()
    }
}

struct Native;

impl Catalog for Native {
    #[cache_read(key = "native:{id}", skip(self))]
    async fn price(&self, id: u64) -> Option<u64> {
        Some(id)
    }

    async fn name(&self, _: u64) -> String {
        String::new()
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let shop = Shop { tenant: "a".to_owned() };
    assert_eq!(is_send(shop.price(1)).await, Some(1));
    assert_eq!(shop.with_default_body(1).await, 1);
    assert_eq!(shop.name(1).await + &Native.name(1).await, "1");
    assert_eq!(Native.price(2).await, Some(2));
}
