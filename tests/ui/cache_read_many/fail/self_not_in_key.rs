use std::collections::HashMap;

use larder::cache_read_many;

struct Shop;

impl Shop {
    #[cache_read_many(key = "price:{id}")]
    async fn prices(&self, ids: &[u64]) -> HashMap<u64, u32> {
        ids.iter().map(|id| (*id, 1)).collect()
    }
}

fn main() {}
