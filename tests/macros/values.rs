//! What a function may return, and what of it is kept.

use std::io;
use std::sync::Arc;

use larder::{Cache, Caches, cache_read};

use crate::{Calls, Opaque, User, with_cache};

type Fetched<T> = Result<T, Opaque>;
type FetchResult = Result<User, Opaque>;
type Found = Result<User, Opaque>;

#[tokio::test]
async fn plain_values_are_kept() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "unit")]
    async fn unit() {
        CALLS.count();
    }
    #[cache_read(key = "shared")]
    async fn shared() -> Arc<User> {
        CALLS.count();
        Arc::new(User::new(7, "Ada"))
    }
    #[cache_read(key = "pair")]
    async fn pair() -> (Box<str>, Vec<u8>) {
        CALLS.count();
        ("a".into(), vec![1])
    }
    with_cache(async {
        for _ in 0..3 {
            unit().await;
            assert_eq!(shared().await.id, 7);
            assert_eq!(pair().await, ("a".into(), vec![1]));
        }
        assert!(Arc::ptr_eq(&shared().await, &shared().await));
        assert_eq!(unit::peek().await.unwrap(), Some(()));
        assert_eq!(CALLS.so_far(), 3);
    })
    .await;
}

#[tokio::test]
async fn only_ok_is_kept() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "k:{fail}")]
    async fn load(fail: bool) -> Result<usize, Opaque> {
        let call = CALLS.count();
        if fail { Err(Opaque) } else { Ok(call) }
    }
    with_cache(async {
        assert!(load(true).await.is_err());
        assert!(load(true).await.is_err());
        assert_eq!(CALLS.so_far(), 2);
        assert!(matches!(load(false).await, Ok(3)));
        assert!(matches!(load(false).await, Ok(3)));
    })
    .await;
}

#[tokio::test]
async fn every_result_is_seen_through() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "io")]
    async fn in_io() -> io::Result<usize> {
        if CALLS.count() == 1 {
            return Err(io::Error::other("first"));
        }
        Ok(1)
    }
    #[cache_read(key = "anyhow")]
    async fn in_anyhow() -> anyhow::Result<usize> {
        anyhow::ensure!(CALLS.count() > 3, "too early");
        Ok("2".parse()?)
    }
    #[cache_read(key = "alias")]
    async fn in_alias() -> Fetched<User> {
        CALLS.count();
        Ok(User::new(7, "Ada"))
    }
    #[cache_read(key = "named")]
    async fn in_named() -> FetchResult {
        CALLS.count();
        Ok(User::new(8, "Bob"))
    }
    #[cache_read(key = "unmarked")]
    async fn in_unmarked() -> Found {
        CALLS.count();
        Ok(User::new(7, "Ada"))
    }
    with_cache(async {
        assert!(in_io().await.is_err());
        assert_eq!(in_io().await.unwrap(), 1);
        assert_eq!(in_io().await.unwrap(), 1);
        assert_eq!(CALLS.so_far(), 2);
        assert!(in_anyhow().await.is_err());
        assert_eq!(in_anyhow().await.unwrap(), 2);
        assert_eq!(in_anyhow().await.unwrap(), 2);
        assert_eq!(CALLS.so_far(), 4);
        for _ in 0..2 {
            assert!(matches!(in_alias().await, Ok(User { id: 7, .. })));
            assert!(matches!(in_named().await, Ok(User { id: 8, .. })));
        }
        assert_eq!(CALLS.so_far(), 6);
        for _ in 0..2 {
            assert!(matches!(in_unmarked().await, Ok(User { id: 7, .. })));
        }
        assert_eq!(CALLS.so_far(), 7);
        let peeked: Option<User> = in_alias::peek().await.unwrap();
        assert_eq!(peeked.unwrap().id, 7);
        in_named::prime(&User::new(9, "Eve")).await.unwrap();
        assert!(matches!(in_named().await, Ok(User { id: 9, .. })));
    })
    .await;
}

#[tokio::test]
async fn none_is_kept_unless_told_otherwise() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "kept:{id}")]
    async fn kept(id: u64) -> Option<u64> {
        CALLS.count();
        (id > 0).then_some(id)
    }
    #[cache_read(key = "dropped:{id}", cache_none = false)]
    async fn dropped(id: u64) -> Option<u64> {
        CALLS.count();
        (id > 0).then_some(id)
    }
    #[cache_read(key = "nested:{id}", cache_none = false)]
    async fn nested(id: u64) -> Result<Option<u64>, Opaque> {
        CALLS.count();
        Ok((id > 0).then_some(id))
    }
    with_cache(async {
        assert_eq!(
            (kept(0).await, kept(0).await, CALLS.so_far()),
            (None, None, 1)
        );
        assert_eq!(
            (dropped(0).await, dropped(0).await, CALLS.so_far()),
            (None, None, 3)
        );
        assert_eq!(
            (dropped(1).await, dropped(1).await, CALLS.so_far()),
            (Some(1), Some(1), 4)
        );
        for _ in 0..2 {
            assert!(matches!(nested(0).await, Ok(None)));
        }
        assert_eq!(CALLS.so_far(), 6);
        for _ in 0..2 {
            assert!(matches!(nested(1).await, Ok(Some(1))));
        }
        assert_eq!(CALLS.so_far(), 7);
    })
    .await;
}

#[tokio::test]
async fn the_body_may_return_and_question_as_declared() {
    #[cache_read(key = "k:{text}")]
    async fn parse(text: &str) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        if text.is_empty() {
            return Ok(0);
        }
        let number: u64 = text.parse()?;
        if number > 9 {
            return Err("too large".into());
        }
        Ok(number)
    }
    with_cache(async {
        assert_eq!(parse("").await.unwrap(), 0);
        assert_eq!(parse("7").await.unwrap(), 7);
        assert!(parse("x").await.is_err());
        assert_eq!(parse("10").await.unwrap_err().to_string(), "too large");
    })
    .await;
}

#[tokio::test]
async fn an_error_may_borrow_and_be_clone() {
    #[derive(Debug, Clone, PartialEq)]
    struct Missing<'a>(&'a str);

    #[cache_read(key = "k:{name}")]
    async fn find<'a>(name: &'a str) -> Result<u64, Missing<'a>> {
        name.parse().map_err(|_| Missing(name))
    }
    #[cache_read(key = "l:{name}")]
    async fn elided(name: &str) -> Result<u64, Missing<'_>> {
        name.parse().map_err(|_| Missing(name))
    }
    Caches::single(Cache::memory())
        .scope(async {
            assert_eq!(find("7").await, Ok(7));
            assert_eq!(find("seven").await, Err(Missing("seven")));
            assert_eq!(elided("7").await, Ok(7));
            assert_eq!(elided("seven").await, Err(Missing("seven")));
        })
        .await;
}
