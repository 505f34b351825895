//! Every way to say which layers a function uses.

use larder::{cache_read, cache_read_many};
use std::collections::HashMap;
use std::sync::Arc;

struct Template;

#[cache_read(key = "a:{id}", layer = "l1")]
async fn one(id: u64) -> Arc<Template> {
    let _ = id;
    Arc::new(Template)
}

#[cache_read(key = "b:{id}", layers = ["l1"])]
async fn one_in_a_list(id: u64) -> Arc<Template> {
    let _ = id;
    Arc::new(Template)
}

#[cache_read(key = "c:{id}", layer = "l3", lock)]
async fn another(id: u64) -> u64 {
    id
}

#[cache_read(key = "d:{id}", layers = ["l3", "l1"], lock)]
async fn several(id: u64) -> u64 {
    id
}

#[cache_read(layers = ["l1", "l2", "l3", "l4"])]
async fn all_of_what_is_hashed(id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}

#[cache_read(key = "f:{id}", layers = ["l1"])]
fn plain(id: u64) -> u64 {
    id
}

#[cache_read_many(key = "d:{id}", layers = ["l1", "l3"])]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cache_read_many(key = "h:{id}", layer = "l1")]
async fn many_of_what_stays(ids: &[u64]) -> HashMap<u64, Arc<Template>> {
    ids.iter().map(|id| (*id, Arc::new(Template))).collect()
}

fn main() {}
