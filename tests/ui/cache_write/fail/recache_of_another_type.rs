use larder::cache_write;

async fn get(name: &str) -> usize {
    name.len()
}

#[cache_write(tags = ["user:{id}"], recache = [get(id)])]
async fn save(id: u64) {
    let _ = id;
}

fn main() {}
