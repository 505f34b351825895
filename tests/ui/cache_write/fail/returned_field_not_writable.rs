use larder::cache_write;

struct Made(());

#[cache_write(tags = ["user:{ret.0}"])]
async fn save() -> Result<Made, ()> {
    Ok(Made(()))
}

fn main() {}
