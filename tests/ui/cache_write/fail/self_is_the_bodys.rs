use larder::cache_write;
use std::pin::Pin;

struct Shop {
    tenant: String,
}

impl Shop {
    #[cache_write(tags = ["{self.tenant}:{ret}"])]
    async fn create(&mut self) -> u64 {
        1
    }

    #[cache_write(tags = ["shops"], recache = [self.open()])]
    async fn pinned(self: Pin<&mut Self>) {}

    async fn open(&self) {}
}

fn main() {}
