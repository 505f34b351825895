use larder::cache_read;

#[cache_read(key = "a:{id}", layer = "l5")]
async fn fifth(id: u64) -> u64 {
    id
}

#[cache_read(key = "b:{id}", layer = l1)]
async fn word(id: u64) -> u64 {
    id
}

#[cache_read(key = "c:{id}", layer = "l1", lock)]
async fn locked(id: u64) -> u64 {
    id
}

#[cache_read(key = "d:{id}", layers = ["l1"], lock)]
async fn locked_in_a_list(id: u64) -> u64 {
    id
}

#[cache_read(key = "e:{id}", layer = "L3")]
async fn in_capitals(id: u64) -> u64 {
    id
}

#[cache_read(key = "f:{id}", layer = ["l1", "l3"])]
async fn several(id: u64) -> u64 {
    id
}

#[cache_read(key = "g:{id}", layer = "l3")]
fn plain(id: u64) -> u64 {
    id
}

fn main() {}
