use larder::cache_read;

struct Shop(u64);

impl Shop {
    #[cache_read(key = "k:{id}")]
    async fn load(&self, id: u64) -> u64 {
        self.0 + id
    }

    #[cache_read]
    async fn hashed(&self, id: u64) -> u64 {
        self.0 + id
    }
}

fn main() {}
