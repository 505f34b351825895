use larder::cache_read;

#[cache_read(key = "k:{usr_id}")]
async fn load(user_id: u64) -> u64 {
    user_id
}

#[cache_read(key = "k:<self.id>:{user_id}")]
async fn free(user_id: u64) -> u64 {
    user_id
}

fn main() {}
