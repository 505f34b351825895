use larder::cache_read;

#[derive(Clone)]
struct Shop {
    tenant: u32,
}

impl std::fmt::Display for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "shop {}", self.tenant)
    }
}

impl Shop {
    #[cache_read(key = "greeting:{self.tenant}", ttl = 60, early_ttl = 40)]
    async fn greeting(&self) -> String {
        format!("welcome to {self}")
    }
}

fn main() {
    let _ = Shop { tenant: 1 }.greeting();
}
