use std::path::Path;
use std::sync::Arc;

use larder::cache_read;

#[derive(Clone)]
struct Page {
    number: u32,
    size: u32,
}

#[cache_read(key = "mutable:{name}", ttl = 60, early_ttl = 40)]
async fn mutable(mut name: String) -> String {
    name.push('!');
    name
}

#[cache_read(key = "apart:{number}:{size}:{a}", ttl = 60, early_ttl = 40)]
async fn apart(Page { number, mut size }: Page, (a, _): (u32, u32)) -> u32 {
    size += a + number;
    size
}

#[cache_read(key = "unused:{id}", ttl = 60, early_ttl = 40, skip(_pool))]
async fn unused(_pool: &Arc<u32>, id: u32) -> u32 {
    id
}

#[cache_read(key = "lent:{name}", ttl = 60, early_ttl = 40, skip(path, texts, maybe))]
async fn lent(name: &'static str, path: &Path, texts: &[String], maybe: Option<&str>) -> usize {
    name.len() + path.as_os_str().len() + texts.len() + maybe.map_or(0, str::len)
}

#[cache_read(key = "generic:{id}", ttl = 60, early_ttl = 40, skip(value))]
async fn generic<T: Clone + Send + Sync + 'static>(id: u32, value: T) -> u32 {
    drop(value);
    id
}

struct Shop<T>(T);

impl<T: Clone> Clone for Shop<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone + Send + Sync + std::fmt::Display + 'static> Shop<T> {
    #[cache_read(key = "shop:{self.0}", ttl = 60, early_ttl = 40)]
    async fn open(self: Arc<Self>) -> String {
        let Self(tenant) = &*self;
        let is_open = || matches!(&*self, Self(_));
        if is_open() { tenant.to_string() } else { self::closed() }
    }
}

fn closed() -> String {
    String::new()
}

fn main() {
    let _ = mutable(String::new());
    let _ = apart(Page { number: 1, size: 2 }, (1, 2));
    let _ = unused(&Arc::new(1), 1);
    let _ = lent("a", Path::new("b"), &[], None);
    let _ = generic(1, "text");
    let _ = Arc::new(Shop(1_u32)).open();
}
