use larder::cache_write;

struct Users;

impl Users {
    #[cache_write(put = self.get(id))]
    async fn save(&self, id: u64) -> String {
        id.to_string()
    }

    #[cache_write(put = Self::get(id))]
    async fn create(&self, id: u64) -> String {
        id.to_string()
    }
}

fn main() {}
