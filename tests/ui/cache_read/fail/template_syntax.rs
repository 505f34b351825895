use larder::cache_read;

#[cache_read(key = "k:{id")]
async fn unclosed(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:id}")]
async fn unopened(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{}")]
async fn unnamed(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id 08}")]
async fn formatted(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}->")]
async fn arrow(id: u64) -> u64 {
    id
}

fn main() {}
