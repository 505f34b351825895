use larder::cache_read;

struct Filter(u64);

#[cache_read]
async fn load(id: u64, filter: Filter) -> u64 {
    id + filter.0
}

fn main() {}
