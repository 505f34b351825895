use larder::cache_read;

#[cache_read(key = "a:{id}", cache_if = |id, name| true)]
async fn two(id: u64) -> u64 {
    id
}

#[cache_read(key = "b:{id}", cache_if = "always")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_read(key = "c:{id}", cache_if = |id| *id)]
async fn number(id: u64) -> u64 {
    id
}

#[cache_read(key = "d:{id}", ttl_of = |id| "soon")]
async fn word(id: u64) -> u64 {
    id
}

fn main() {}
