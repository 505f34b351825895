//! Functions of traits: implementations and default bodies, native and by `#[async_trait]`.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use larder::{Cache, Caches, cache_read, cache_write};

use crate::{Calls, Opaque, with_cache};

fn is_send<T: Send>(value: T) -> T {
    value
}

#[derive(Default)]
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
}

mod native {
    use super::*;

    trait Catalog {
        fn calls(&self) -> &Calls;

        async fn article(&self, id: u64) -> usize;

        fn price(&self, id: u64) -> impl Future<Output = Result<usize, Opaque>> + Send;

        async fn kinds() -> usize;

        #[cache_read(key = "default:{id}", skip(self))]
        async fn with_default_body(&self, id: u64) -> usize {
            self.calls().count() + id as usize
        }

        #[cache_read(skip(self))]
        async fn hashed(&self, id: impl Display + serde::Serialize) -> usize {
            self.calls().count() + id.to_string().len()
        }

        #[cache_read(associated, key = "of-trait")]
        async fn of_trait() -> usize {
            3
        }

        #[cache_write(tags = ["default:{id}"])]
        async fn reset(&self, id: u64) {
            let _ = id;
        }
    }

    impl Catalog for Shop {
        fn calls(&self) -> &Calls {
            &self.calls
        }

        #[cache_read(key = "article:{self.tenant}:{id}")]
        async fn article(&self, id: u64) -> usize {
            let _ = id;
            self.calls.count()
        }

        #[cache_read(key = "price:{self.tenant}:{id}", tags = ["{self.tenant}"])]
        fn price(&self, id: u64) -> impl Future<Output = Result<usize, Opaque>> + Send {
            async move { Ok(self.calls.count() + id as usize) }
        }

        #[cache_read(associated, key = "kinds")]
        async fn kinds() -> usize {
            9
        }
    }

    struct Stall(Calls);

    impl Catalog for Stall {
        fn calls(&self) -> &Calls {
            &self.0
        }

        async fn article(&self, id: u64) -> usize {
            id as usize
        }

        async fn price(&self, id: u64) -> Result<usize, Opaque> {
            Ok(id as usize)
        }

        async fn kinds() -> usize {
            0
        }
    }

    #[tokio::test]
    async fn implementations_and_default_bodies_are_cached() {
        let (a, b) = (Shop::new("a"), Shop::new("b"));
        with_cache(async {
            assert_eq!((a.article(1).await, a.article(1).await), (1, 1));
            assert_eq!(b.article(1).await, 1, "of another tenant");
            assert_eq!(is_send(a.price(1)).await.ok(), Some(3));
            assert_eq!(a.price(1).await.ok(), Some(3));
            assert_eq!((Shop::kinds().await, Shop::of_trait().await), (9, 3));
            assert_eq!(a.with_default_body(1).await, 4);
            assert_eq!(b.with_default_body(1).await, 4, "shared by `skip(self)`");
            a.reset(1).await;
            assert_eq!(b.with_default_body(1).await, 3);
        })
        .await;
    }

    #[tokio::test]
    async fn a_hashed_default_body_is_one_for_each_type() {
        let (shop, stall) = (Shop::new("a"), Stall(Calls::new()));
        with_cache(async {
            assert_eq!(shop.hashed("a").await, 2);
            assert_eq!(shop.hashed("a").await, 2);
            stall.0.count();
            assert_eq!(stall.hashed("a").await, 3);
            assert_eq!(stall.article(1).await + Stall::kinds().await, 1);
            assert_eq!(stall.price(1).await.ok(), Some(1));
        })
        .await;
    }
}

mod same_names {
    use super::*;

    trait Greeting {
        async fn greet(&self, id: u64) -> usize;
    }

    impl Shop {
        #[cache_read(skip(self))]
        async fn greet(&self, id: u64) -> usize {
            id as usize
        }
    }

    impl Greeting for Shop {
        #[cache_read(skip(self))]
        async fn greet(&self, id: u64) -> usize {
            id as usize + 100
        }
    }

    #[tokio::test]
    async fn a_hashed_method_of_a_trait_is_not_the_types_own_of_that_name() {
        let shop = Shop::new("a");
        with_cache(async {
            assert_eq!(shop.greet(1).await, 1);
            assert_eq!(Greeting::greet(&shop, 1).await, 101);
        })
        .await;
    }
}

mod by_async_trait {
    use super::*;

    struct Path<T>(T);

    #[async_trait]
    trait Catalog: Send + Sync {
        async fn article(&self, id: u64) -> Result<usize, Opaque>;
        async fn taken_apart(&self, id: Path<String>, pair: (u8, u8)) -> usize;
        async fn exclusive(&mut self, name: String) -> usize;
        async fn shared(self: Arc<Self>, id: &str) -> usize;
        async fn generic<T: Display + Send + Sync>(&self, id: &T) -> usize
        where
            Self: Sized;
        async fn kinds(id: u64) -> usize
        where
            Self: Sized;
        async fn reprice(&self, id: u64) -> Result<(), Opaque>;
        async fn create(&mut self, id: u64) -> Result<u64, Opaque>;

        fn calls(&self) -> &Calls;

        #[cache_read(key = "default:{id}:{page}", skip(self), tags = ["id:{id}"])]
        async fn with_default_body(&self, id: u64, mut page: String) -> usize {
            page.push('!');
            self.calls().count() + page.len() + id as usize
        }
    }

    #[async_trait]
    impl Catalog for Shop {
        fn calls(&self) -> &Calls {
            &self.calls
        }

        /// Documented.
        #[cache_read(key = "article:{self.tenant}:{id}", tags = ["{self.tenant}:prices"])]
        async fn article(&self, id: u64) -> Result<usize, Opaque> {
            if id == 0 {
                return Err(Opaque);
            }
            Ok(self.calls.count())
        }

        #[cache_read(key = "apart:{id}:{low}", skip(self, _high), tags = ["id:{id}"])]
        async fn taken_apart(&self, Path(id): Path<String>, (low, _high): (u8, u8)) -> usize
        where
            Path<String>: Clone,
        {
            self.calls.count() + id.len() + usize::from(low)
        }

        #[cache_read(key = "mut:{self.tenant}:{name}", tags = ["{self.tenant}:prices"])]
        async fn exclusive(&mut self, mut name: String) -> usize {
            self.tenant.push('!');
            name.push('!');
            self.calls.count() + name.len()
        }

        #[cache_read(key = "arc:{self.tenant}:{id}", tags = ["{self.tenant}:prices"])]
        async fn shared(self: Arc<Self>, id: &str) -> usize {
            self.calls.count() + id.len()
        }

        #[cache_read(key = "generic:{id}", skip(self))]
        async fn generic<T: Display + Send + Sync>(&self, id: &T) -> usize {
            self.calls.count() + id.to_string().len()
        }

        #[cache_read(key = "kinds:{id}")]
        async fn kinds(id: u64) -> usize {
            id as usize
        }

        #[cache_write(tags = ["{self.tenant}:prices"], recache = [self.article(id)])]
        async fn reprice(&self, id: u64) -> Result<(), Opaque> {
            let _ = id;
            Ok(())
        }

        #[cache_write(tags = ["id:{ret}"])]
        async fn create(&mut self, id: u64) -> Result<u64, Opaque> {
            self.tenant.push('!');
            Ok(id)
        }
    }

    impl Clone for Path<String> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    #[tokio::test]
    async fn implementations_and_default_bodies_are_cached() {
        let cache = Cache::memory();
        Caches::single(cache.clone())
            .scope(async {
                let mut shop = Shop::new("a");
                assert_eq!(is_send(shop.article(1)).await.ok(), Some(1));
                assert_eq!(shop.article(1).await.ok(), Some(1));
                assert!(shop.article(0).await.is_err());
                assert_eq!(Shop::new("b").article(1).await.ok(), Some(1));
                let path = || Path("ab".to_owned());
                assert_eq!(shop.taken_apart(path(), (1, 2)).await, 5);
                assert_eq!(shop.taken_apart(path(), (1, 3)).await, 5);
                assert_eq!(shop.generic(&7).await, 4);
                assert_eq!(shop.generic(&"7").await, 4);
                assert_eq!(Shop::kinds(7).await, 7);
                assert_eq!(shop.with_default_body(1, "p".to_owned()).await, 7);
                assert_eq!(shop.with_default_body(1, "p".to_owned()).await, 7);
                shop.reprice(1).await.ok();
                assert_eq!(shop.calls.so_far(), 5, "recached");
                assert_eq!(shop.article(1).await.ok(), Some(5));
                shop.create(1).await.ok();
                assert_eq!(shop.with_default_body(1, "p".to_owned()).await, 9);
            })
            .await;
    }

    #[tokio::test]
    async fn what_self_is_lent_for_is_cached_too() {
        let cache = Cache::memory();
        Caches::single(cache.clone())
            .scope(async {
                let calls: Arc<Calls> = Arc::default();
                let shop = || Shop {
                    tenant: "a".to_owned(),
                    calls: calls.clone(),
                };
                let both = async || {
                    let exclusive = shop().exclusive("n".to_owned()).await;
                    (exclusive, Arc::new(shop()).shared("n").await)
                };
                assert_eq!(both().await, (3, 3));
                assert_eq!(both().await, (3, 3));
                cache.invalidate_tags(["a:prices"]).await.unwrap();
                assert_eq!(both().await, (5, 5));
            })
            .await;
    }

    #[tokio::test]
    async fn objects_of_such_traits_are_cached() {
        #[async_trait]
        trait Fetch: Send + Sync {
            #[cache_read(key = "fetch:{id}", skip(self))]
            async fn fetch(&self, id: u64) -> u64 {
                self.origin(id).await
            }

            async fn origin(&self, id: u64) -> u64;
        }
        struct Origin(Calls);
        #[async_trait]
        impl Fetch for Origin {
            async fn origin(&self, id: u64) -> u64 {
                self.0.count();
                id
            }
        }
        #[async_trait(?Send)]
        trait FetchHere {
            #[cache_read(key = "here:{id}", skip(self))]
            async fn fetch_here(&self, id: u64) -> u64 {
                let here = std::rc::Rc::new(id);
                tokio::task::yield_now().await;
                *here
            }
        }
        impl FetchHere for Origin {}
        with_cache(async {
            let origin = Origin(Calls::new());
            let object: &dyn Fetch = &origin;
            assert_eq!((object.fetch(1).await, object.fetch(1).await), (1, 1));
            assert_eq!(origin.0.so_far(), 1);
            assert_eq!(origin.fetch_here(2).await, 2);
        })
        .await;
    }
}
