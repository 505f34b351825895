use larder::cache_read;

#[cache_read(key = "k:{id}")]
async fn load(id: u64) -> impl Copy {
    id
}

fn main() {}
