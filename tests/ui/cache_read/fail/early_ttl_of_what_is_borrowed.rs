use larder::cache_read;

struct Transaction<'a>(&'a str);

#[cache_read(key = "user:{id}", early_ttl = 60, skip(transaction, log, parts))]
async fn load(id: u64, transaction: Transaction<'_>, log: &mut String, parts: Vec<&str>) -> usize {
    log.len() + parts.len() + transaction.0.len() + id as usize
}

struct Users;

impl Users {
    #[cache_read(key = "user:{id}", stale_for = 60, load_timeout = "1s", skip(self))]
    async fn load(&mut self, id: u64) -> u64 {
        id
    }
}

fn main() {}
