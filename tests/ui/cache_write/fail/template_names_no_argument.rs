use larder::cache_write;

#[cache_write(tags = ["user:{re.id}", "user:{idd}"])]
async fn save(id: u64) -> u64 {
    id
}

fn main() {}
