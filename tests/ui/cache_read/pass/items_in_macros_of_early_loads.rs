use larder::cache_read;

#[derive(Clone)]
struct Shop {
    tenant: u32,
}

macro_rules! with_items {
    ($($tokens:tt)*) => { $($tokens)* };
}

impl Shop {
    #[cache_read(key = "price:{self.tenant}", ttl = 60, early_ttl = 40)]
    async fn price(&self) -> u32 {
        with_items! {
            struct Cents(u32);
            impl Cents {
                fn rounded(&self) -> u32 {
                    self.0 / 100
                }
            }
        }
        Cents(self.tenant).rounded()
    }
}

fn main() {
    let _ = Shop { tenant: 1 }.price();
}
