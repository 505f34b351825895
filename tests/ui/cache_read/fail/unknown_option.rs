use larder::cache_read;

#[cache_read(key = "k:{id}", tll = 300)]
async fn load(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", budget = 300)]
async fn other(id: u64) -> u64 {
    id
}

#[cache_read(key = "k:{id}", skp(trace))]
async fn skipping(id: u64, trace: bool) -> u64 {
    id + u64::from(trace)
}

fn main() {}
