//! `#[cache_write]`: what it invalidates, and when.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use larder::{Cache, Caches, Key, Tag, cache_read, cache_write};

use crate::{Calls, Opaque, User, with_cache};

#[cache_read(key = "user:{id}", tags = ["user:{id}", "users"])]
async fn get(id: u64) -> u64 {
    id
}

/// Runs a write while users 1 to 3, `a` and `b` are cached; says which of them are left.
async fn left_after<F: Future>(write: F) -> (String, F::Output) {
    let cache = Cache::memory();
    Caches::single(cache.clone())
        .scope(async {
            for id in 1..=3 {
                get(id).await;
            }
            for key in ["a", "b"] {
                cache.set(key, &1_u8).await.unwrap();
                cache
                    .set(Key::new(key).in_namespace("n"), &1_u8)
                    .await
                    .unwrap();
            }
            let output = write.await;
            let mut left = String::new();
            for key in ["user:1", "user:2", "user:3", "a", "b"] {
                if cache.exists(key).await.unwrap() {
                    left.push_str(key.trim_start_matches("user:"));
                }
            }
            for key in ["a", "b"] {
                if cache.exists(Key::new(key).in_namespace("n")).await.unwrap() {
                    left.push_str(&key.to_uppercase());
                }
            }
            (left, output)
        })
        .await
}

#[tokio::test]
async fn tags_and_keys_of_every_kind() {
    fn tag_of(id: u64) -> Tag {
        Tag::new(format!("user:{id}"))
    }
    fn tags_of(id: &u64) -> [Tag; 2] {
        [tag_of(*id), tag_of(*id + 1)]
    }
    #[cache_write(tags = ["user:<id>"])]
    async fn template(id: u64) {}
    #[cache_write(tag_of(id), tag_of(id + 1))]
    async fn positional(id: u64) {}
    #[cache_write(tags = tags_of)]
    async fn function(id: u64) {}
    #[cache_write(tags = tags_of(&(id + 1)))]
    async fn call(id: u64) {}
    #[cache_write(tag_of(id), tags = ["user:3"], keys = ["{key}", Key::new("user:2")])]
    async fn mixed(id: u64, key: String) {
        let _: String = key;
    }
    #[cache_write(keys = ["{key}"], namespace = "{space}")]
    async fn namespaced(key: &str, space: &str) {}
    assert_eq!(left_after(template(1)).await.0, "23abAB");
    assert_eq!(left_after(positional(1)).await.0, "3abAB");
    assert_eq!(left_after(function(1)).await.0, "3abAB");
    assert_eq!(left_after(call(1)).await.0, "1abAB");
    assert_eq!(left_after(mixed(1, "a".to_owned())).await.0, "bAB");
    assert_eq!(left_after(namespaced("a", "n")).await.0, "123abB");
}

#[tokio::test]
async fn what_was_returned_can_be_named() {
    #[cache_write(tags = ["user:{ret.id}", "name:{name}:{ret.name}"], keys = ["{ret.name}", ret.name.clone()])]
    async fn create(id: u64, name: String) -> Result<User, Opaque> {
        let user = User { id, name };
        if id == 0 { Err(Opaque) } else { Ok(user) }
    }
    #[cache_write(tags = [format!("user:{ret}")])]
    async fn plain(id: u64) -> u64 {
        id
    }
    #[cache_write(tags = ["user:{ret}"])]
    async fn boxed(id: u64) -> Result<u64, Box<dyn std::error::Error>> {
        Ok(id)
    }
    assert_eq!(left_after(create(1, "a".to_owned())).await.0, "23bAB");
    assert_eq!(left_after(create(0, "a".to_owned())).await.0, "123abAB");
    assert_eq!(left_after(plain(2)).await.0, "13abAB");
    assert_eq!(left_after(boxed(2)).await.0, "13abAB");
}

#[tokio::test]
async fn it_invalidates_however_it_ends() {
    #[cache_write(tags = ["user:1"])]
    async fn fails() -> Result<(), Opaque> {
        Err(Opaque)
    }
    #[cache_write(tags = ["user:1"])]
    async fn returns_early(yes: bool) -> Option<u8> {
        if yes {
            return None;
        }
        Some(1)
    }
    #[cache_write(tags = ["user:1"])]
    async fn panics() {
        panic!("in the middle of a write");
    }
    #[cache_write(tags = ["user:1"])]
    async fn hangs() {
        std::future::pending::<()>().await;
    }
    assert_eq!(left_after(fails()).await.0, "23abAB");
    assert_eq!(left_after(returns_early(true)).await.0, "23abAB");
    let caught = async {
        let caches = Caches::current();
        let task = tokio::spawn(async move { caches.scope(panics()).await });
        assert!(task.await.unwrap_err().is_panic());
    };
    assert_eq!(left_after(caught).await.0, "23abAB");
    let cancelled = async {
        let mut context = Context::from_waker(Waker::noop());
        let hangs = pin!(hangs());
        assert_eq!(hangs.poll(&mut context), Poll::Pending);
    };
    let cancelled = async {
        cancelled.await;
    };
    assert_eq!(left_after(cancelled).await.0, "23abAB");
}

#[tokio::test]
async fn on_ok_narrows_that() {
    #[cache_write(tags = ["user:1"], invalidate = "on_ok")]
    async fn fails() -> Result<(), Opaque> {
        Err(Opaque)
    }
    #[cache_write(tags = ["user:1"], invalidate = "on_ok")]
    async fn succeeds() -> Result<(), Opaque> {
        Ok(())
    }
    #[cache_write(tags = ["user:1"], invalidate = "always")]
    async fn fails_as_usual() -> Result<(), Opaque> {
        Err(Opaque)
    }
    assert_eq!(left_after(fails()).await.0, "123abAB");
    assert_eq!(left_after(succeeds()).await.0, "23abAB");
    assert_eq!(left_after(fails_as_usual()).await.0, "23abAB");
}

#[tokio::test]
async fn a_field_of_what_may_be_none_is_named_where_there_is_one() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "user:{id}")]
    async fn get(id: u64) -> usize {
        let _ = id;
        CALLS.count()
    }
    #[cache_write(tags = ["user:{ret.id}"], keys = ["name:{ret.name}"])]
    async fn rename(id: u64, name: Option<&str>) -> Result<Option<User>, Opaque> {
        match name {
            Some("") => Err(Opaque),
            name => Ok(name.map(|name| User::new(id, name))),
        }
    }
    with_cache(async {
        assert_eq!(get(1).await, 1);
        assert_eq!(rename(1, None).await.ok(), Some(None));
        rename(1, Some("")).await.err();
        assert_eq!(get(1).await, 1, "nobody was renamed");
        assert!(rename(1, Some("a")).await.is_ok());
        assert_eq!(get(1).await, 2);
    })
    .await;
}
