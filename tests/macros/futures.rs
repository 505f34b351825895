//! Functions that return a future, and what is asked of futures.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use larder::{Value, cache_read, cache_write};

use crate::{Calls, Opaque, with_cache};

fn is_send<T: Send>(value: T) -> T {
    value
}

/// Fails on its first call.
async fn unreliable(call: usize) -> Result<usize, Opaque> {
    if call == 1 { Err(Opaque) } else { Ok(call) }
}

#[tokio::test]
async fn a_returned_future_is_cached_when_it_yields() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "k:{id}", tags = ["name:{name}"], skip(name))]
    fn load(id: u64, name: String) -> impl Future<Output = Result<usize, Opaque>> + Send {
        let length = name.len();
        if id == 0 {
            return async move { Ok(length) }.left_future();
        }
        let _name: String = name;
        async move {
            let more = unreliable(CALLS.count()).await?;
            Ok(more + length)
        }
        .right_future()
    }
    with_cache(async {
        assert!(is_send(load(1, "ab".to_owned())).await.is_err());
        assert_eq!(load(1, "ab".to_owned()).await.ok(), Some(4));
        assert_eq!(load(1, "ab".to_owned()).await.ok(), Some(4));
        assert_eq!(load(0, "ab".to_owned()).await.ok(), Some(2));
        let peeked = load::peek(1, "ab".to_owned()).await.unwrap();
        assert_eq!(peeked, Some(4));
        let refreshed = is_send(load::refresh(1, "ab".to_owned())).await;
        assert_eq!(refreshed.ok(), Some(5));
    })
    .await;
}

#[tokio::test]
async fn a_boxed_future_is_cached_when_it_yields() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "pin:{id}")]
    fn pinned<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Opaque>> + Send + 'a>> {
        Box::pin(async move { Ok(unreliable(CALLS.count()).await? + id.len()) })
    }
    #[cache_read(key = "boxed:{id}")]
    fn boxed(id: &str) -> BoxFuture<'_, usize> {
        async move { id.len() + CALLS.count() }.boxed()
    }
    with_cache(async {
        assert!(is_send(pinned("ab")).await.is_err());
        assert_eq!(pinned("ab").await.ok(), Some(4));
        assert_eq!(pinned("ab").await.ok(), Some(4));
        assert_eq!(is_send(boxed("ab")).await, 5);
        assert_eq!(boxed("ab").await, 5);
        assert_eq!(boxed::refresh("ab").await, 6);
    })
    .await;
}

#[tokio::test]
async fn a_write_may_return_its_future() {
    #[cache_read(key = "k:{id}", skip(value))]
    async fn load(id: u64, value: u64) -> u64 {
        value
    }
    #[cache_write(tags = ["k:{id}", "k:{ret}"])]
    fn store(id: u64) -> impl Future<Output = Result<u64, Opaque>> {
        async move { if id == 0 { Err(Opaque) } else { Ok(id + 1) } }
    }
    #[cache_write(tags = ["k:{id}"])]
    fn store_boxed(id: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let _ = id;
        Box::pin(std::future::ready(()))
    }
    with_cache(async {
        assert_eq!((load(1, 1).await, load(2, 1).await), (1, 1));
        store(1).await.ok();
        assert_eq!((load(1, 2).await, load(2, 2).await), (2, 2));
        is_send(store_boxed(1)).await;
        assert_eq!((load(1, 3).await, load(2, 3).await), (3, 2));
    })
    .await;
}

#[tokio::test]
async fn nothing_runs_before_the_returned_future_is_polled() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "k")]
    fn load() -> impl Future<Output = usize> {
        let call = CALLS.count();
        async move { call }
    }
    with_cache(async {
        drop(load());
        assert_eq!(CALLS.so_far(), 0);
        assert_eq!((load().await, load().await), (1, 1));
    })
    .await;
}

struct Repo<S> {
    source: Arc<S>,
}

impl<S: Send + Sync + 'static> Repo<S> {
    #[cache_read(key = "ref:{id}", tags = ["id:{id}"], skip(self))]
    async fn by_reference(&self, id: u64) -> u64 {
        tokio::task::yield_now().await;
        let _ = &self.source;
        id
    }

    #[cache_read(key = "arc:{id}", skip(self))]
    async fn by_arc(self: Arc<Self>, id: &str) -> usize {
        tokio::task::yield_now().await;
        let _ = &self.source;
        id.len()
    }

    #[cache_read(key = "future:{id}", skip(self))]
    fn future<'a>(&'a self, id: &'a str) -> impl Future<Output = usize> + Send + 'a {
        async move {
            tokio::task::yield_now().await;
            let _ = &self.source;
            id.len()
        }
    }

    #[cache_read(key = "boxed:{id}", skip(self))]
    fn boxed(&self, id: u64) -> BoxFuture<'_, u64> {
        Box::pin(self.by_reference(id))
    }

    #[cache_read(key = "generic:{id}", skip(self))]
    async fn generic<T: Value + From<u8>>(&self, id: u8) -> T {
        tokio::task::yield_now().await;
        let _ = &self.source;
        T::from(id)
    }

    #[cache_write(tags = ["ref:{id}", "id:{ret}"], recache = [self.by_reference(id)])]
    async fn write(&self, id: u64) -> u64 {
        tokio::task::yield_now().await;
        id
    }
}

#[tokio::test]
async fn methods_futures_are_send_where_the_body_is() {
    let repo = Arc::new(Repo {
        source: Arc::new(PhantomData::<u8>),
    });
    with_cache(async {
        assert_eq!(is_send(repo.by_reference(1)).await, 1);
        assert_eq!(is_send(Arc::clone(&repo).by_arc("a")).await, 1);
        assert_eq!(is_send(repo.future("ab")).await, 2);
        assert_eq!(is_send(repo.boxed(3)).await, 3);
        assert_eq!(is_send(repo.generic::<u32>(4)).await, 4);
        assert_eq!(is_send(repo.write(5)).await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_send_runs_where_it_could_before() {
    struct Local(Rc<u64>);
    impl Local {
        #[cache_read(key = "method:{id}", tags = ["t:{id}"], skip(self))]
        async fn method(&self, id: Rc<str>) -> u64 {
            let held = Rc::clone(&self.0);
            tokio::task::yield_now().await;
            *held + id.len() as u64
        }

        #[cache_write(tags = ["t:{id}"])]
        async fn write(&self, id: Rc<str>) -> Rc<u64> {
            tokio::task::yield_now().await;
            Rc::clone(&self.0)
        }
    }
    #[cache_read(key = "k:{id}", skip(local))]
    async fn load(local: Rc<u64>, id: u64) -> u64 {
        let held = Rc::clone(&local);
        tokio::task::yield_now().await;
        *held + id
    }
    #[cache_read(key = "f:{id}", skip(local))]
    fn future(local: Rc<u64>, id: u64) -> impl Future<Output = u64> {
        async move {
            tokio::task::yield_now().await;
            *local + id
        }
    }
    with_cache(async {
        let local = Local(Rc::new(1));
        assert_eq!(local.method("ab".into()).await, 3);
        assert_eq!(*local.write("ab".into()).await, 1);
        assert_eq!(load(Rc::new(1), 2).await, 3);
        assert_eq!(future(Rc::new(1), 2).await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_borrowed_is_not_cloned() {
    /// Neither `Clone` nor `Copy`.
    struct Unique(Calls);
    #[cache_read(key = "k:{id}", tags = ["t:{unique.1}"], skip(unique, text))]
    async fn load(unique: &(Unique, u64), text: &mut String, id: u64) -> usize {
        text.push('!');
        unique.0.0.count() + id as usize
    }
    #[cache_write(tags = ["t:{unique.1}", "u:{ret}:{unique.1}"], recache = [load(unique, &mut String::new(), 1)])]
    async fn store(unique: &(Unique, u64)) -> usize {
        unique.0.0.count()
    }
    with_cache(async {
        let (unique, mut text) = ((Unique(Calls::new()), 7), String::new());
        assert_eq!(load(&unique, &mut text, 1).await, 2);
        assert_eq!(load(&unique, &mut text, 1).await, 2);
        assert_eq!(text, "!");
        assert_eq!(store(&unique).await, 2);
        assert_eq!(load(&unique, &mut text, 1).await, 4);
    })
    .await;
}
