use larder::cache_read;

struct Error;

#[cache_read(key = "a:{id}", cache_err = 5)]
async fn plain(id: u64) -> u64 {
    id
}

#[cache_read(key = "b:{id}", cache_err = 5)]
async fn strange(id: u64) -> Result<u64, Error> {
    if id == 0 { Err(Error) } else { Ok(id) }
}

fn main() {}
