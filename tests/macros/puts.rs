//! `put`: what a write returned goes into the entries of annotated functions.

use std::sync::Arc;

use larder::{Cache, Caches, cache_read, cache_write};

use crate::{Calls, Opaque, User, with_cache};

static LOADS: Calls = Calls::new();

#[cache_read(key = "user:{id}", tags = ["user:{id}", "users"])]
async fn get_user(id: u64) -> Result<User, Opaque> {
    LOADS.count();
    Ok(User::new(id, "loaded"))
}

#[cache_read(key = "user:{name}", namespace = "by name")]
async fn find_user(name: &str) -> Option<User> {
    Some(User::new(0, name))
}

mod pages {
    use larder::cache_read;

    /// Its key is made of all arguments.
    #[cache_read]
    pub(crate) async fn page<T: serde::Serialize>(of: T, number: u32) -> Vec<u32> {
        let _ = of;
        vec![number]
    }

    type Fetched<T> = Result<T, super::Opaque>;

    #[cache_read(key = "fetched:{id}")]
    pub(crate) async fn fetched(id: u64) -> Fetched<u64> {
        Ok(id)
    }
}

#[tokio::test]
async fn the_next_read_is_a_hit() {
    #[cache_write(tags = ["user:{id}"], put = get_user(id))]
    async fn rename(id: u64, name: &str) -> Result<User, Opaque> {
        Ok(User::new(id, name))
    }
    with_cache(async {
        assert!(get_user(7).await.is_ok());
        let loads = LOADS.so_far();
        assert!(rename(7, "Ada").await.is_ok());
        let user = get_user(7).await.ok();
        assert_eq!(user, Some(User::new(7, "Ada")));
        assert_eq!(LOADS.so_far(), loads);
    })
    .await;
}

#[tokio::test]
async fn several_entries_are_put_and_what_was_returned_says_which() {
    #[cache_write(put = [get_user(ret.id), find_user(&ret.name), find_user(&nickname)])]
    async fn create(user: User, nickname: String) -> Result<User, Opaque> {
        drop(nickname);
        Ok(user)
    }
    with_cache(async {
        let ada = User::new(7, "Ada");
        assert!(create(ada.clone(), "countess".to_owned()).await.is_ok());
        assert_eq!(get_user::peek(7).await.unwrap(), Some(ada.clone()));
        for name in ["Ada", "countess"] {
            let found = find_user::peek(name).await.unwrap();
            assert_eq!(found, Some(Some(ada.clone())));
        }
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_function_is_put_to() {
    #[cache_write(put = pages::page(&of, number + 1))]
    async fn write_page(of: String, number: u32) -> Vec<u32> {
        vec![number; of.len()]
    }
    #[cache_write(put = [self::pages::fetched::<u64>(id), pages::fetched::<u64>(*ret)])]
    async fn write_fetched(id: u64) -> Result<u64, Opaque> {
        Ok(id + 1)
    }
    #[cache_read(key = "plain:{id}")]
    async fn plain(id: u64) -> u64 {
        id
    }
    struct Store;
    impl Store {
        #[cache_write(put = plain(id))]
        async fn write(&mut self, id: u64) -> u64 {
            id * 2
        }
    }
    with_cache(async {
        write_page("ab".to_owned(), 1).await;
        assert_eq!(pages::page("ab".to_owned(), 2).await, [2]);
        assert_eq!(pages::page(&"ab".to_owned(), 2).await, [1, 1]);
        assert!(write_fetched(7).await.is_ok());
        assert_eq!(pages::fetched(7).await.ok(), Some(8));
        assert_eq!(pages::fetched(8).await.ok(), Some(8));
        Store.write(7).await;
        assert_eq!(plain(7).await, 14);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_become_a_value_invalidates() {
    #[cache_write(put = get_user(id))]
    async fn fails(id: u64) -> Result<User, Opaque> {
        let _ = id;
        Err(Opaque)
    }
    #[cache_read(key = "small:{id}", cache_if = |small| *small < 10, ttl_of = |_| None)]
    async fn small(id: u64) -> u64 {
        id
    }
    #[cache_write(put = small(id))]
    async fn grow(id: u64, to: u64) -> u64 {
        let _ = id;
        to
    }
    with_cache(async {
        assert!(get_user(7).await.is_ok());
        assert!(fails(7).await.is_err());
        assert_eq!(get_user::peek(7).await.unwrap(), None);

        grow(1, 9).await;
        assert_eq!(small::peek(1).await.unwrap(), Some(9));
        grow(1, 10).await;
        assert_eq!(small::peek(1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_recache_finds_what_was_put() {
    #[cache_write(put = get_user(id), recache = get_user(id))]
    async fn rename(id: u64) -> Result<User, Opaque> {
        Ok(User::new(id, "put"))
    }
    with_cache(async {
        assert!(rename(8).await.is_ok());
        assert_eq!(get_user::peek(8).await.unwrap(), Some(User::new(8, "put")));
    })
    .await;
}

/// A write invalidates in one cache, and what it puts is in the same one.
#[tokio::test]
async fn functions_of_another_cache_are_not_put_to() {
    #[cache_read(key = "session:{id}", cache = "sessions")]
    async fn session(id: u64) -> u64 {
        id
    }
    #[cache_write(put = session(id))]
    async fn write_elsewhere(id: u64) -> u64 {
        id + 1
    }
    #[cache_write(put = session(id), cache = "sessions")]
    async fn write_there(id: u64) -> u64 {
        id + 1
    }
    let caches = Caches::new(Cache::memory()).with("sessions", Cache::memory());
    caches
        .scope(async {
            write_elsewhere(7).await;
            assert_eq!(session::peek(7).await.unwrap(), None);
            write_there(7).await;
            assert_eq!(session::peek(7).await.unwrap(), Some(8));
        })
        .await;
}

/// As it is before `put`: the future is `Send` if the body is, whatever is returned.
#[tokio::test]
async fn the_future_is_send() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    #[cache_read(key = "shared:{id}")]
    async fn shared(id: u64) -> Arc<str> {
        id.to_string().into()
    }
    #[cache_write(put = [shared(id), shared(*name)])]
    async fn write(id: u64, name: &u64) -> Arc<str> {
        let _ = (id, name);
        "put".into()
    }
    with_cache(async {
        is_send(write(7, &8)).await;
        assert_eq!(&*shared(7).await, "put");
        assert_eq!(&*shared(8).await, "put");
    })
    .await;
}
