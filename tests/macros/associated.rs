//! Functions without `self` in an `impl`, and what looks like them.

use larder::{Key, cache_read, cache_write};

use crate::{Calls, with_cache};

static CALLS: Calls = Calls::new();

struct Shop;

struct Mistake<T>(#[allow(dead_code)] T);

impl Shop {
    #[cache_read(associated, key = "count:{id}", tags = ["counts"])]
    async fn count(id: u64) -> usize {
        CALLS.count() + id as usize
    }

    #[cache_read(key = "of:{id}")]
    async fn known_by_its_body(id: u64) -> usize {
        Self::count(id).await
    }

    #[cache_read]
    async fn known_by_its_type(id: u64) -> Result<usize, Mistake<Self>> {
        Ok(id as usize)
    }

    #[cache_read(key = Self::key_of(id))]
    async fn known_by_its_key(id: u64) -> usize {
        id as usize
    }

    #[cache_read(associated)]
    async fn hashed(id: u64) -> usize {
        id as usize
    }

    #[cache_write(tags = ["counts"], recache = [Shop::count(id)])]
    async fn reset(id: u64) {
        let _ = id;
    }

    fn key_of(id: u64) -> Key {
        Key::new(format!("by-key:{id}"))
    }
}

struct Rates<T>(T);

impl<T: Default + Send + Sync + 'static> Rates<T> {
    #[cache_read(associated)]
    async fn hashed(id: u64) -> usize {
        size_of_val(&Rates(T::default()).0) + id as usize
    }
}

#[tokio::test]
async fn functions_without_self_are_cached() {
    with_cache(async {
        assert_eq!((Shop::count(1).await, Shop::count(1).await), (2, 2));
        assert_eq!(Shop::known_by_its_body(2).await, 4);
        assert_eq!(Shop::known_by_its_type(3).await.ok(), Some(3));
        assert_eq!(Shop::known_by_its_key(4).await, 4);
        Shop::reset(1).await;
        assert_eq!(CALLS.so_far(), 3, "recached");
        assert_eq!(Shop::count(1).await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_hashed_one_is_another_for_each_type() {
    with_cache(async {
        let byte = Rates::<u8>::hashed(5).await;
        let word = Rates::<u64>::hashed(5).await;
        assert_eq!((Shop::hashed(5).await, byte, word), (5, 6, 13));
    })
    .await;
}

#[tokio::test]
async fn a_free_function_with_a_type_inside_is_no_method() {
    #[cache_read(key = "k:{id}")]
    async fn load(id: u64) -> u64 {
        struct Inside(u64);
        impl Inside {
            fn new(id: u64) -> Self {
                Self(id)
            }
        }
        Inside::new(id).0
    }
    with_cache(async {
        assert_eq!(load(1).await, 1);
        assert_eq!(load::peek(1).await.unwrap(), Some(1));
    })
    .await;
}
