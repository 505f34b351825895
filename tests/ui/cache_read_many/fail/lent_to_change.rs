use std::collections::HashMap;

use larder::cache_read_many;

#[cache_read_many(key = "user:{id}", skip(log))]
async fn users(log: &mut Vec<u64>, ids: &[u64]) -> HashMap<u64, String> {
    log.extend(ids);
    ids.iter().map(|id| (*id, String::new())).collect()
}

struct Shop;

impl Shop {
    #[cache_read_many(key = "price:{id}", skip(self))]
    async fn prices(&mut self, ids: &[u64]) -> HashMap<u64, u32> {
        ids.iter().map(|id| (*id, 1)).collect()
    }
}

fn main() {}
