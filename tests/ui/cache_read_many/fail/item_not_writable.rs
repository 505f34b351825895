use std::collections::HashMap;

use larder::cache_read_many;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Id(u64);

#[cache_read_many(key = "user:{id}")]
async fn users(ids: &[Id]) -> HashMap<Id, u64> {
    ids.iter().map(|id| (id.clone(), id.0)).collect()
}

fn main() {}
