use larder::cache_read;

#[derive(Clone)]
struct Request {
    id: u32,
    attempts: u32,
}

impl Request {
    #[cache_read(key = "request:{self.id}", ttl = 60, early_ttl = 40)]
    async fn send(mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }
}

fn main() {
    let _ = Request { id: 1, attempts: 0 }.send();
}
