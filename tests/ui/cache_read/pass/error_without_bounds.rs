use larder::cache_read;

struct Opaque(*const u8);

// The error is neither `Clone` nor `Send` nor `Debug`.
#[cache_read(key = "k:{id}")]
async fn load(id: u64) -> Result<u64, Opaque> {
    if id == 0 { Err(Opaque(std::ptr::null())) } else { Ok(id) }
}

#[allow(dead_code)]
async fn use_it() {
    if let Err(Opaque(_)) = load(0).await {}
}

fn main() {}
