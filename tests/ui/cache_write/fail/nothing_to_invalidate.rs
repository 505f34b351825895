use larder::cache_write;

#[cache_write]
async fn save(id: u64) {
    let _ = id;
}

async fn get() {}

#[cache_write(recache = [get()])]
async fn recaching() {}

fn main() {}
