use larder::cache_read;

struct Connection;

#[cache_read(key = "a:{id}", layer = "l1")]
async fn connect(id: u64) -> Connection {
    let _ = id;
    Connection
}

fn main() {}
