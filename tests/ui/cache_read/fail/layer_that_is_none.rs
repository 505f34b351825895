use larder::cache_read;

#[cache_read(key = "a:{id}", layer = "l2")]
async fn second(id: u64) -> u64 {
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

fn main() {}
