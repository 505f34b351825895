use larder::cache_read;

#[cache_read(key = "k:{id}", skip(trase))]
async fn load(id: u64, trace: bool) -> u64 {
    id + u64::from(trace)
}

#[cache_read(key = "k:{id}", skip(self))]
async fn free(id: u64) -> u64 {
    id
}

fn main() {}
