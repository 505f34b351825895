use larder::cache_write;

struct Shop;

impl Shop {
    #[cache_write(tags = ["shops"], recache = [self.open()])]
    async fn consume(self) {}

    async fn open(&self) {}
}

fn main() {}
