//! Arguments of every form.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use larder::cache_read;

/// A newtype.
#[derive(Clone)]
pub struct Path<T>(pub T);

/// Taken apart.
#[cache_read(key = "a:{id}:{low}", tags = ["a:{id}"], skip(high, rest))]
pub async fn taken_apart(
    Path(id): Path<String>,
    (low, mut high): (u8, u8),
    [_, ref rest @ ..]: [u8; 3],
) -> String {
    high += low;
    format!("{id}{high}{}", rest.len())
}

/// By reference.
#[cache_read(key = "b:{a}:{b}:{name}", tags = ["b:{a}"])]
pub async fn by_reference(&a: &u64, &(b, _): &(u64, u64), ref name: String) -> String {
    format!("{a}{b}{name}")
}

/// Changed, ignored, and named as keywords.
#[cache_read(key = "c:{name}:{r#type}", skip(r#match))]
pub async fn r#fn(mut name: String, r#type: u8, _: &str, r#match: &mut u8) -> String {
    name.push('!');
    *r#match += r#type;
    name
}

/// Configured away, or not.
#[cache_read(key = "d:{id}", skip(trace, debug, _unused))]
pub async fn configured(
    id: u64,
    #[cfg(any())] trace: NoType,
    #[cfg(all())] debug: u64,
    #[cfg_attr(all(), allow(unused_variables))] _unused: (),
) -> u64 {
    id + debug
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let id = || Path("x".to_owned());
    assert_eq!(taken_apart(id(), (1, 2), [1, 2, 3]).await, "x32");
    assert_eq!(taken_apart::key(id(), (1, 2)).as_str(), "a:x:1");
    assert_eq!(by_reference(&1, &(2, 3), "a".to_owned()).await, "12a");
    assert_eq!(by_reference::key(&1, &(2, 3), "a".to_owned()).as_str(), "b:1:2:a");
    let mut seen = 0;
    assert_eq!(r#fn("a".to_owned(), 1, "", &mut seen).await, "a!");
    assert_eq!((r#fn::key("a".to_owned(), 1).as_str(), seen), ("c:a:1", 1));
    assert_eq!(configured(1, 2, ()).await, 3);
}
