use async_trait::async_trait;
use larder::cache_read;
use std::future::Future;
use std::sync::Arc;

#[async_trait]
trait Users {
    async fn load(&self, id: u64) -> u64;
    async fn shared(self: Arc<Self>, (id, page): (u64, u64)) -> u64;
}

struct Shop(u64);

#[async_trait]
impl Users for Shop {
    #[cache_read(key = "k:{id}")]
    async fn load(&self, id: u64) -> u64 {
        self.0 + id
    }

    #[cache_read(key = "k:{id}")]
    async fn shared(self: Arc<Self>, (id, page): (u64, u64)) -> u64 {
        self.0 + id + page
    }
}

impl Shop {
    #[cache_read(key = "k:{id}")]
    fn future(&self, id: u64) -> impl Future<Output = u64> {
        async move { self.0 + id }
    }
}

fn main() {}
