use larder::cache_read;
use std::future::Future;

#[cache_read(key = "k:{id}")]
extern "C" fn load(id: u64) -> impl Future<Output = u64> {
    async move { id }
}

fn main() {}
