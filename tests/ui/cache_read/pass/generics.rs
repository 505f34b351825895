//! Parameters of types and constants, bounds, and lifetimes of every kind.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use larder::{Value, cache_read};
use std::fmt::Display;

/// Types and bounds.
#[cache_read(key = "a:{id}", skip(source))]
pub async fn load<'a, S, K, T>(source: &'a S, id: K) -> Result<T, S::Error>
where
    S: Fn(&K) -> T + Source + Sync + ?Sized + 'a,
    K: Display + Send + Sync,
    T: Value,
{
    source.check()?;
    Ok(source(&id))
}

/// What may fail.
pub trait Source {
    /// How.
    type Error;
    /// Tries.
    ///
    /// # Errors
    /// When it fails.
    fn check(&self) -> Result<(), Self::Error>;
}

impl<F> Source for F {
    type Error = std::fmt::Error;
    fn check(&self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Constants.
#[cache_read]
pub async fn sum<const N: usize, T: serde::Serialize + Copy + Into<u64> + Send + Sync>(
    parts: Vec<T>,
) -> u64 {
    parts.into_iter().take(N).map(Into::into).sum()
}

/// For all lifetimes.
#[cache_read(key = "c:{text}", skip(matches))]
pub async fn count<F>(text: &str, matches: F) -> usize
where
    for<'t> F: Fn(&'t str) -> Option<&'t str> + Send + Sync,
{
    text.split(' ').filter_map(matches).count()
}

/// `impl Trait` arguments.
#[cache_read(key = "d:{id}:{page}", tags = ["d:{id}"])]
pub async fn page(id: impl Display + Clone + Send + Sync, page: impl Into<u64> + Display + Copy + Send + Sync) -> u64 {
    drop(id);
    page.into()
}

/// Elided ones.
#[cache_read(key = "e:{first}", skip(second))]
pub async fn elided(first: &str, second: std::borrow::Cow<'_, str>) -> String {
    second.into_owned() + first
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(is_send(load(&|id: &u8| u64::from(*id), 7)).await, Ok(7));
    assert_eq!(is_send(sum::<2, u8>(vec![1, 2, 3])).await, 3);
    assert_eq!(is_send(sum::<3, u8>(vec![1, 2, 3])).await, 6);
    assert_eq!(is_send(count("a b", |part| Some(part))).await, 2);
    assert_eq!(is_send(page("a", 7_u8)).await, 7);
    assert_eq!(page::peek("a", 7_u16).await.unwrap(), Some(7));
    assert_eq!(is_send(elided("a", "b".into())).await, "ba");
}
