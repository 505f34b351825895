use larder::cache_write;

async fn get(id: u64) -> u64 {
    id
}

#[cache_write(tags = ["user:{id}"], recache = [get])]
async fn save(id: u64) {
    let _ = id;
}

fn main() {}
