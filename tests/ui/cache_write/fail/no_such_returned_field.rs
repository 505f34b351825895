use larder::cache_write;

struct Made {
    id: u64,
}

#[cache_write(tags = ["user:{ret.idd}"])]
async fn save() -> Result<Made, ()> {
    Ok(Made { id: 1 })
}

fn main() {}
