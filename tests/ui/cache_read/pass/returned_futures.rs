//! Functions that return a future: opaque, boxed, and by an alias that is known.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use futures_util::future::{BoxFuture, FutureExt as _, LocalBoxFuture};
use larder::{cache_read, cache_write};
use std::future::Future;
use std::pin::Pin;

/// Opaque.
#[cache_read(key = "a:{id}")]
pub fn opaque<'a>(id: &'a str) -> impl Future<Output = Result<usize, std::io::Error>> + Send + 'a {
    async move {
        let size: usize = std::future::ready(Ok::<_, std::io::Error>(id.len())).await?;
        Ok(size)
    }
}

/// Boxed.
#[cache_read(key = "b:{id}")]
pub fn boxed(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    if id == 0 {
        return Box::pin(std::future::ready(0));
    }
    Box::pin(async move { id })
}

/// By an alias.
#[cache_read(key = "c:{id}")]
pub fn by_alias(id: &str) -> BoxFuture<'_, String> {
    async move { id.to_owned() }.boxed()
}

/// On one thread.
#[cache_read(key = "d:{id}")]
pub fn local(id: &str) -> LocalBoxFuture<'_, String> {
    async move { std::rc::Rc::new(id).to_string() }.boxed_local()
}

/// Writes.
#[cache_write(tags = ["b:{id}"])]
pub fn write(id: u64) -> impl Future<Output = ()> + Send {
    async move { drop(id.to_string()) }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(is_send(opaque("ab")).await.ok(), Some(2));
    assert_eq!(is_send(boxed(0)).await + is_send(boxed::refresh(1)).await, 1);
    assert_eq!(is_send(by_alias("a")).await + &local("b").await, "ab");
    is_send(write(0)).await;
    assert_eq!(boxed::peek(0).await.unwrap(), None);
}
