use larder::cache_read;

trait Users {
    #[cache_read(key = "k:{id}", skip(self))]
    async fn load(&self, id: u64) -> u64;
}

fn main() {}
