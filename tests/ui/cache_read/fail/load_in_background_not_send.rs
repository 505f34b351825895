use larder::cache_read;
use std::rc::Rc;

#[cache_read(key = "a:{id}", early_ttl = 60)]
async fn load(id: u64) -> u64 {
    let held = Rc::new(id);
    tokio::task::yield_now().await;
    *held
}

fn main() {}
