use larder::cache_read;
use std::future::Future;
use std::pin::Pin;

#[cache_read(key = "k:{id}")]
fn load(id: u64) -> impl Future<Output = u64> {
    async move { id.to_string() }
}

#[cache_read(key = "boxed:{id}")]
fn boxed(id: u64) -> Pin<Box<dyn Future<Output = u64>>> {
    Box::pin(async move { id.to_string() })
}

fn main() {}
