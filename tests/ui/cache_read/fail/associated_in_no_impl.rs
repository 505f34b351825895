use larder::cache_read;

mod users {
    use super::*;

    #[cache_read(associated, key = "k:{id}")]
    pub(crate) async fn load(id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = users::load(1);
}
