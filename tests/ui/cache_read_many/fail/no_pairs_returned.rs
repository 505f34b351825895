use larder::cache_read_many;

#[cache_read_many(key = "user:{id}")]
async fn users(ids: &[u64]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn main() {}
