//! Methods of types and of traits.

use std::pin::Pin;
use std::sync::Arc;

use larder::{Cache, Caches, cache_read, cache_write, resource};

use crate::{Calls, Opaque, with_cache};

#[derive(Clone)]
struct Shop {
    tenant: String,
    calls: Arc<Calls>,
}

impl Shop {
    fn new(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            calls: Arc::default(),
        }
    }

    #[cache_read(key = "{self.tenant}:price:{id}", tags = ["{self.tenant}:prices"])]
    async fn price(&self, id: u64) -> Result<usize, Opaque> {
        let _ = id;
        Ok(self.calls.count())
    }

    #[cache_read(key = "mut:{self.tenant}:{id}", tags = ["{self.tenant}:prices", "id:{id}"])]
    async fn exclusive(&mut self, id: u64) -> usize {
        let _ = id;
        self.tenant.push('!');
        self.calls.count()
    }

    #[cache_read(key = "own:{self.tenant}:{name}", tags = ["{self.tenant}:prices"])]
    async fn owned(self, name: String) -> usize {
        let (shop, _): (Self, String) = (self, name);
        shop.calls.count()
    }

    #[cache_read(key = "arc:{self.tenant}", tags = ["{self.tenant}:prices"])]
    async fn shared(self: Arc<Self>) -> usize {
        let shop: Arc<Self> = self;
        shop.calls.count()
    }

    #[cache_read(key = "global", skip(self))]
    async fn global(&self) -> usize {
        self.calls.count()
    }

    #[cache_read(skip(self))]
    async fn hashed(&self, page: u32) -> usize {
        self.calls.count() + page as usize
    }

    #[cache_read(stock::of(&self.tenant, id))]
    async fn exclusive_by_spec(&mut self, id: u64) -> usize {
        let _ = id;
        self.tenant.push('!');
        self.calls.count()
    }

    #[cache_read(stock::shelf(&self.tenant, id), tags = ["{self.tenant}:prices"])]
    async fn owned_by_spec(mut self: Box<Self>, id: u64) -> usize {
        let _ = id;
        self.tenant.push('!');
        self.calls.count()
    }

    #[cache_read(key = "ref-arc:{self.tenant}", tags = ["{self.tenant}:prices"])]
    async fn by_reference_to_arc(self: &Arc<Self>) -> usize {
        let shop: Arc<Self> = Arc::clone(self);
        shop.calls.count()
    }

    #[cache_read(key = "pin:{self.tenant}", tags = ["{self.tenant}:prices"])]
    async fn pinned(self: Pin<&mut Self>) -> usize {
        let shop: &mut Self = self.get_mut();
        shop.tenant.push('!');
        shop.calls.count()
    }

    #[cache_read(key = "mut-own:{self.tenant}", tags = ["{self.tenant}:prices"])]
    async fn mutable_owned(mut self) -> usize {
        self.tenant.push('!');
        self.calls.count()
    }

    #[cache_read(key = "in-words:{self.tenant}", tags = ["{self.tenant}:prices"])]
    #[expect(clippy::needless_arbitrary_self_type, reason = "it is what is tried")]
    async fn in_words(self: &Self) -> usize {
        self.calls.count()
    }

    #[cache_write(tags = ["{self.tenant}:prices"], recache = [self.price(id)])]
    async fn reprice(&self, id: u64) -> Result<(), Opaque> {
        let _ = self.tenant.len();
        Ok(())
    }
}

resource! {
    stock(tenant: &str, id: u64) {
        of;
        shelf;
    }
}

struct Other(usize);

impl Other {
    #[cache_read(skip(self))]
    async fn hashed(&self, page: u32) -> usize {
        self.0 + page as usize
    }
}

trait Catalog {
    async fn article(&self, id: u64) -> usize;
    async fn by_name<T: AsRef<str> + Sync>(&self, name: &T) -> usize;
}

impl Catalog for Shop {
    #[cache_read(key = "article:{self.tenant}:{id}")]
    async fn article(&self, id: u64) -> usize {
        let _ = id;
        self.calls.count()
    }

    #[cache_read(key = ("name", &self.tenant, name.as_ref()))]
    async fn by_name<T: AsRef<str> + Sync>(&self, name: &T) -> usize {
        self.calls.count() + name.as_ref().len()
    }
}

#[tokio::test]
async fn one_tenant_never_sees_another() {
    let (a, b) = (Shop::new("a"), Shop::new("b"));
    with_cache(async {
        a.price(1).await.ok();
        assert!(matches!(a.price(1).await, Ok(1)));
        assert!(matches!(a.price(2).await, Ok(2)));
        assert!(matches!(b.price(1).await, Ok(1)));
        a.reprice(1).await.ok();
        assert_eq!(a.calls.so_far(), 3, "recached");
        assert!(matches!(a.price(1).await, Ok(3)));
        assert!(matches!(b.price(1).await, Ok(1)));
    })
    .await;
}

#[tokio::test]
async fn every_receiver_works_and_its_tags_reach() {
    let cache = Cache::memory();
    Caches::single(cache.clone())
        .scope(async {
            let shop = Shop::new("a");
            let arc = Arc::new(shop.clone());
            let every = async || {
                let mut exclusive = shop.clone();
                [
                    exclusive.exclusive(1).await,
                    shop.clone().owned("n".to_owned()).await,
                    Arc::clone(&arc).shared().await,
                    arc.by_reference_to_arc().await,
                    Pin::new(&mut shop.clone()).pinned().await,
                    shop.clone().mutable_owned().await,
                    shop.in_words().await,
                    Box::new(shop.clone()).owned_by_spec(1).await,
                ]
            };
            assert_eq!(every().await, [1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(every().await, [1, 2, 3, 4, 5, 6, 7, 8]);
            cache.invalidate_tags(["a:prices"]).await.unwrap();
            assert_eq!(every().await, [9, 10, 11, 12, 13, 14, 15, 16]);
            assert_eq!(shop.clone().exclusive_by_spec(1).await, 17);
            assert_eq!(shop.clone().exclusive_by_spec(1).await, 17);
            cache.invalidate_tags(["stock:a:1"]).await.unwrap();
            assert_eq!(shop.clone().exclusive_by_spec(1).await, 18);
            assert_eq!(Box::new(shop.clone()).owned_by_spec(1).await, 19);
        })
        .await;
}

#[tokio::test]
async fn self_can_be_skipped() {
    let (a, b) = (Shop::new("a"), Shop::new("b"));
    with_cache(async {
        assert_eq!((a.global().await, b.global().await), (1, 1));
        assert_eq!((a.hashed(1).await, b.hashed(1).await), (3, 3));
        assert_eq!(
            Other(40).hashed(1).await,
            41,
            "another type's method of the same name"
        );
    })
    .await;
}

#[tokio::test]
async fn methods_of_traits() {
    let shop = Shop::new("a");
    with_cache(async {
        assert_eq!((shop.article(1).await, shop.article(1).await), (1, 1));
        assert_eq!(shop.by_name(&"ab").await, 4);
        assert_eq!(shop.by_name(&"ab".to_owned()).await, 4);
    })
    .await;
}
