//! The companion of a function.

use larder::{Cache, Caches, Invalidation, cache_read};

use crate::{Calls, Opaque, User, with_cache};

mod shop {
    use super::{Calls, Opaque, User, cache_read};

    pub(super) static CALLS: Calls = Calls::new();

    /// A user.
    #[cache_read(key = "user:{id}", tags = ["users"], skip(trace))]
    pub(crate) async fn get_user(id: u64, trace: bool) -> Result<User, Opaque> {
        let _ = trace;
        Ok(User::new(id, &CALLS.count().to_string()))
    }
}

use shop::get_user;

#[tokio::test]
async fn it_knows_the_key_and_acts_on_the_entry() {
    let user = |name: &str| User::new(7, name);
    assert_eq!(get_user::key(7).as_str(), "user:7");
    with_cache(async {
        assert_eq!(get_user::peek(7).await.unwrap(), None);
        assert_eq!(get_user(7, true).await.ok(), Some(user("1")));
        assert_eq!(get_user::peek(7).await.unwrap(), Some(user("1")));

        assert_eq!(get_user::invalidate(7).await.unwrap(), Invalidation::Done);
        assert_eq!(get_user::peek(7).await.unwrap(), None);
        assert_eq!(get_user(7, false).await.ok(), Some(user("2")));

        assert_eq!(get_user::refresh(7, true).await.ok(), Some(user("3")));
        assert_eq!(get_user(7, false).await.ok(), Some(user("3")));

        get_user::prime(7, &user("primed")).await.unwrap();
        assert_eq!(get_user(7, false).await.ok(), Some(user("primed")));
        assert_eq!(shop::CALLS.so_far(), 3);
    })
    .await;
    let stats = get_user::stats();
    assert_eq!((stats.loads, stats.hits), (3, 2));
}

#[tokio::test]
async fn what_is_primed_carries_the_tags() {
    #[cache_read(key = "k:{id}", tags = ["group:{group}"], skip(group))]
    async fn load(id: u64, group: &str) -> u64 {
        id + group.len() as u64
    }
    let cache = Cache::memory();
    Caches::single(cache.clone())
        .scope(async {
            load::prime(1, "a", &5).await.unwrap();
            assert_eq!(load(1, "a").await, 5);
            cache.invalidate_tags(["group:a"]).await.unwrap();
            assert_eq!(load(1, "a").await, 2);
        })
        .await;
}

#[tokio::test]
async fn it_asks_only_for_what_it_needs() {
    #[cache_read(key = "k:{id}", skip(pool, retries))]
    async fn load<P: Send + Sync, const N: usize>(pool: &P, id: u64, retries: [u8; N]) -> u64 {
        let _ = (pool, retries);
        id
    }
    with_cache(async {
        assert_eq!(load(&"pool", 7, [0; 3]).await, 7);
        assert_eq!(load::peek(7).await.unwrap(), Some(7));
        load::invalidate(7).await.unwrap();
        assert_eq!(load::peek(7).await.unwrap(), None);
        assert_eq!(load::refresh(&1_u8, 7, [0; 2]).await, 7);
    })
    .await;
}
