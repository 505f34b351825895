use larder::cache_read;

struct Filter {
    id: u64,
}

#[cache_read(key = "k:{filter.id}", tags = ["f:{filter.id}"])]
async fn load(filter: Filter) -> u64 {
    drop(filter);
    0
}

fn main() {}
