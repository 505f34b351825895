use larder::cache_read;
use std::future::Future;

#[cache_read(key = "k:{id}")]
fn load(id: u64) -> impl Future<Output = impl Copy> {
    async move { id }
}

fn main() {}
