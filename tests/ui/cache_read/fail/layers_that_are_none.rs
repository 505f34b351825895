use larder::{cache_read, cache_read_many};
use std::collections::HashMap;

#[cache_read(key = "a:{id}", layers = ["l1", "l33", "memory"])]
async fn unknown(id: u64) -> u64 {
    id
}

#[cache_read(key = "b:{id}", layers = [])]
async fn none(id: u64) -> u64 {
    id
}

#[cache_read(key = "c:{id}", layers = ["l2", "l3", "l2"])]
async fn twice(id: u64) -> u64 {
    id
}

#[cache_read(key = "d:{id}", layer = "l1", layers = ["l3"])]
async fn both(id: u64) -> u64 {
    id
}

#[cache_read(key = "e:{id}", layers = "l1")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_read(key = "f:{id}", layers = ["l1", l3, 4])]
async fn words(id: u64) -> u64 {
    id
}

#[cache_read(key = "g:{id}", layers = ["l1", "l3"])]
fn plain(id: u64) -> u64 {
    id
}

#[cache_read(key = "h:{id}", layerz = ["l1"])]
async fn misspelt(id: u64) -> u64 {
    id
}

#[cache_read_many(key = "i:{id}", layers = ["l1", "l9"])]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

fn main() {}
