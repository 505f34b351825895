//! Batches: what the attribute takes, and what it makes of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use larder::{cache_read, cache_read_many, cache_write};

use crate::{Calls, Opaque, User, with_cache};

/// What the bodies were asked for, in this test.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Vec<u64>>>>);

impl Asked {
    fn note(&self, ids: &[u64]) {
        self.0.lock().unwrap().push(ids.to_vec());
    }

    fn take(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn named(ids: &[u64]) -> HashMap<u64, User> {
    let user = |id: &u64| (*id, User::new(*id, &format!("user {id}")));
    ids.iter().map(user).collect()
}

#[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"], skip(asked))]
async fn get_user(asked: &Asked, id: u64) -> Result<User, Opaque> {
    asked.note(&[id]);
    Ok(User::new(id, &format!("user {id}")))
}

#[cache_read_many(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"], skip(asked))]
async fn get_users(asked: &Asked, ids: &[u64]) -> Result<HashMap<u64, User>, Opaque> {
    asked.note(ids);
    Ok(named(ids))
}

#[tokio::test]
async fn a_batch_loads_only_what_is_missing_and_shares_its_entries() {
    with_cache(async {
        let asked = Asked::default();
        get_user(&asked, 2).await.ok().expect("it loads");
        let users = get_users(&asked, &[3, 2, 1, 3]).await.ok();
        assert_eq!(users.expect("it loads"), named(&[1, 2, 3]));
        assert_eq!(asked.take(), [vec![2], vec![3, 1]]);
        get_user(&asked, 1).await.ok().expect("it is there");
        assert_eq!(
            get_user::peek(3).await.unwrap(),
            Some(User::new(3, "user 3"))
        );
        assert!(asked.take().is_empty());
        assert_eq!(get_user::key(7), get_users::key(7));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_asked_for_no_items() {
    with_cache(async {
        let asked = Asked::default();
        let before = get_users::stats();
        assert!(get_users(&asked, &[]).await.ok().unwrap().is_empty());
        assert!(asked.take().is_empty());
        assert_eq!(get_users::stats().misses, before.misses);
    })
    .await;
}

#[cache_write(tags = ["user:{id}"])]
async fn rename_user(id: u64) {
    let _ = id;
}

#[tokio::test]
async fn a_write_reaches_what_a_batch_stored() {
    with_cache(async {
        let asked = Asked::default();
        get_users(&asked, &[1, 2]).await.ok().unwrap();
        rename_user(1).await;
        asked.take();
        get_users(&asked, &[1, 2]).await.ok().unwrap();
        assert_eq!(asked.take(), [[1]]);
        larder::cache().invalidate_tags(["users"]).await.unwrap();
        get_users(&asked, &[1, 2]).await.ok().unwrap();
        assert_eq!(asked.take(), [[1, 2]]);
    })
    .await;
}

#[cache_read_many(key = "counted:{id}", skip(asked))]
async fn counted(asked: &Asked, ids: Vec<u64>) -> Vec<(u64, usize)> {
    asked.note(&ids);
    // The other way round, without the 5, and with one that nobody asked for.
    let ids = ids.into_iter().rev().chain([1_000]);
    ids.filter(|id| *id != 5)
        .map(|id| (id, asked.0.lock().unwrap().len()))
        .collect()
}

#[tokio::test]
async fn the_companion_does_what_it_says() {
    with_cache(async {
        let asked = Asked::default();
        let ids =
            |counted: Vec<(u64, usize)>| counted.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        // In the caller's order, whatever came from where; what does not come is not stored.
        counted(&asked, vec![4]).await;
        assert_eq!(ids(counted(&asked, vec![3, 5, 4, 1, 3]).await), [3, 4, 1]);
        assert_eq!(asked.take(), [vec![4], vec![3, 5, 1]]);
        assert_eq!(ids(counted(&asked, vec![5]).await), [0; 0]);
        assert_eq!(asked.take(), [[5]]);
        // What was not asked for is not stored.
        assert_eq!(
            larder::cache().get::<usize>("counted:1000").await.unwrap(),
            None
        );

        counted::invalidate(&[3, 4]).await.unwrap();
        counted(&asked, vec![1, 3, 4]).await;
        assert_eq!(asked.take(), [[3, 4]]);
        counted::prime(5, &77).await.unwrap();
        assert_eq!(counted(&asked, vec![5]).await, [(5, 77)]);
        // What a refresh does not bring is gone.
        assert_eq!(ids(counted::refresh(&asked, vec![1, 5]).await), [1]);
        assert_eq!(asked.take(), [[1, 5]]);
        assert_eq!(
            larder::cache().get::<usize>("counted:5").await.unwrap(),
            None
        );
        let stats = counted::stats();
        assert_eq!((stats.hits, stats.misses, stats.loads), (3, 7, 5));
    })
    .await;
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
struct Sku {
    shop: String,
    number: u32,
}

#[cache_read_many(
    key = "price:{org}:{sku.shop}:{sku.number}",
    namespace = "shop-{sku.shop}",
    tags = [tag_of(sku), larder::Tag::new(org)],
    jitter = "10%",
    cache_if = |price| *price < 100,
    ttl_of = |price| std::time::Duration::from_secs(u64::from(*price)),
)]
#[allow(clippy::ptr_arg)] // one of the forms
async fn prices<'a>(org: &'a str, skus: &Vec<Sku>) -> BTreeMap<Sku, u32> {
    let _ = org;
    skus.iter().map(|sku| (sku.clone(), sku.number)).collect()
}

fn tag_of(sku: &Sku) -> larder::Tag {
    larder::Tag::new(format!("shop:{}", sku.shop))
}

#[tokio::test]
async fn an_item_can_be_a_struct() {
    with_cache(async {
        let sku = |shop: &str, number| Sku {
            shop: shop.to_owned(),
            number,
        };
        let skus = vec![sku("a", 1), sku("b", 200), sku("b", 2)];
        assert_eq!(prices("x", &skus).await.len(), 3);
        assert_eq!(prices("x", &skus).await.len(), 3);
        let stats = prices::stats();
        assert_eq!((stats.hits, stats.misses, stats.loads), (2, 4, 2));
        let key = prices::key("x", &skus[0]);
        assert_eq!(key.namespace(), Some("shop-a"));
        larder::cache().invalidate_tags(["shop:b"]).await.unwrap();
        prices("x", &skus).await;
        assert_eq!(prices::stats().hits, 3);
        larder::cache().invalidate_tags(["x"]).await.unwrap();
        prices::invalidate("x", &skus).await.unwrap();
        prices("x", &skus).await;
        assert_eq!(prices::stats().hits, 3);
    })
    .await;
}

#[cache_read_many(key = ("text", name), cache_none = false)]
async fn lengths(names: &[&str]) -> HashMap<String, Option<usize>> {
    let length = |name: &&str| (name.to_string(), (!name.is_empty()).then_some(name.len()));
    names.iter().map(length).collect()
}

#[cache_read_many(key = format!("word:{word}"), layer = "l1")]
async fn upper(words: &[String]) -> std::io::Result<HashMap<String, Local>> {
    Ok(words
        .iter()
        .map(|word| (word.clone(), Local(word.to_uppercase())))
        .collect())
}

/// Nothing that could leave the process.
#[derive(Clone, PartialEq, Debug)]
struct Local(String);

#[tokio::test]
async fn items_can_be_texts_and_values_can_stay_in_process_memory() {
    with_cache(async {
        for _ in 0..2 {
            let lengths = lengths(&["a", "", "bcd"]).await;
            assert_eq!(
                (lengths["a"], lengths[""], lengths["bcd"]),
                (Some(1), None, Some(3))
            );
        }
        assert_eq!(lengths::stats().hits, 2);
        assert_eq!(lengths::key("a"), larder::Key::from("text:a"));

        let words = ["a".to_owned(), "b".to_owned()];
        for _ in 0..2 {
            assert_eq!(upper(&words).await.unwrap()["b"], Local("B".to_owned()));
        }
        upper::prime("b", &Local("!".to_owned())).await.unwrap();
        assert_eq!(upper(&words).await.unwrap()["b"], Local("!".to_owned()));
        upper::invalidate(&words).await.unwrap();
        assert_eq!(upper(&words).await.unwrap()["b"], Local("B".to_owned()));
        assert_eq!((upper::stats().hits, upper::stats().loads), (4, 2));
    })
    .await;
}

#[derive(Clone)]
struct Shop {
    tenant: String,
    calls: Arc<Calls>,
}

impl Shop {
    #[cache_read_many(key = "{self.tenant}:price:{id}", tags = ["{self.tenant}:prices"])]
    async fn lent(&self, ids: &[u64]) -> HashMap<u64, String> {
        self.calls.count();
        ids.iter().map(|id| (*id, self.tenant.clone())).collect()
    }

    #[cache_read_many(key = "{self.tenant}:price:{id}")]
    async fn shared(self: Arc<Self>, mut ids: Vec<u64>) -> HashMap<u64, String> {
        self.calls.count();
        let shop: Arc<Self> = self;
        ids.retain(|_| true);
        ids.into_iter()
            .map(|id| (id, shop.tenant.clone()))
            .collect()
    }

    #[cache_read_many(key = "{self.tenant}:price:{id}", skip(by))]
    async fn owned(self, ids: Vec<u64>, by: String) -> Result<HashMap<u64, String>, Opaque> {
        self.calls.count();
        if by.is_empty() {
            return Err(Opaque);
        }
        drop(by);
        let shop = self;
        Ok(ids
            .into_iter()
            .map(|id| (id, shop.tenant.clone()))
            .collect())
    }

    #[cache_read_many(key = "generic:{id}", skip(self))]
    async fn generic<T: std::fmt::Display + Clone + Eq + std::hash::Hash + Sync + Send>(
        &self,
        ids: &[T],
    ) -> Vec<(T, u8)> {
        self.calls.count();
        ids.iter().map(|id| (id.clone(), 1)).collect()
    }
}

#[tokio::test]
async fn methods_read_many_too() {
    with_cache(async {
        let shop = Shop {
            tenant: "a".to_owned(),
            calls: Arc::default(),
        };
        let other = Shop {
            tenant: "b".to_owned(),
            ..shop.clone()
        };
        // In a task: the futures are `Send`.
        let prices = tokio::spawn({
            let shop = shop.clone();
            larder::Caches::single(larder::cache()).scope(async move { shop.lent(&[1, 2]).await })
        });
        assert_eq!(prices.await.unwrap()[&1], "a");
        assert_eq!(other.lent(&[1, 2]).await[&2], "b");
        assert_eq!(shop.calls.so_far(), 2);
        Arc::new(shop.clone()).shared(vec![1, 2, 3]).await;
        shop.clone()
            .owned(vec![1, 2, 3, 4], "me".to_owned())
            .await
            .ok()
            .unwrap();
        assert!(shop.clone().owned(vec![5], String::new()).await.is_err());
        assert_eq!(shop.calls.so_far(), 5);
        shop.generic(&["x"]).await;
        shop.generic(&["x"]).await;
        assert_eq!(shop.calls.so_far(), 6);
    })
    .await;
}
