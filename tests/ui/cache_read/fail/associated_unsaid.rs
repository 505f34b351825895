use larder::cache_read;

struct Shop;

impl Shop {
    #[cache_read(key = "k:{id}")]
    async fn load(id: u64) -> u64 {
        id
    }
}

trait Source {
    #[cache_read]
    async fn fetch(id: u64) -> u64 {
        id
    }
}

impl<T> Source for Vec<T> {
    #[cfg_attr(all(), cache_read(key = "k:{id}"))]
    async fn fetch(id: u64) -> u64 {
        id
    }
}

fn main() {}
