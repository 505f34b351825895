#![deny(warnings, clippy::all, clippy::pedantic)]

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use larder::{cache_read_many, Tag};

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub shop: String,
    pub number: u64,
}

fn tags_of(org: &str, id: &u64) -> [Tag; 1] {
    [Tag::new(format!("{org}:{id}"))]
}

/// Named arguments, a list that is skipped, and another hasher.
///
/// # Errors
/// Never.
#[cache_read_many(key = "user:{org}:{id}", tags = tags_of, ttl = long, skip(columns), lock, refresh)]
pub async fn users(
    org: &str,
    columns: &[&str],
    ids: &[u64],
) -> Result<HashMap<u64, String, BuildHasherDefault<DefaultHasher>>, std::io::Error> {
    let user = |id: &u64| (*id, format!("{org} {}", columns.join(" ")));
    if ids.is_empty() {
        return Ok(HashMap::default());
    }
    Ok(ids.iter().map(user).collect())
}

/// Fields of an item.
#[cache_read_many(key = ("price", &item.shop, item.number), namespace = "<item.shop>")]
pub async fn prices(items: &Vec<Id>) -> BTreeMap<Id, u64> {
    items.iter().map(|item| (item.clone(), item.number)).collect()
}

/// A raw name, and a generic item.
#[cache_read_many(key = "r#type:{type}", cache = "types", stale_for = 60)]
pub async fn r#types<T>(mut types: Vec<T>) -> Vec<(T, Option<u8>)>
where
    T: Clone + Eq + std::hash::Hash + std::fmt::Display + Send + Sync,
{
    types.reverse();
    types.into_iter().map(|one| (one, None)).collect()
}

pub trait Port {
    fn many(&self, ids: &[u64]) -> impl Future<Output = Vec<(u64, u64)>> + Send;
}

pub struct Adapter;

impl Port for Adapter {
    #[cache_read_many(key = "port:{id}", skip(self), cache_if = |value| *value > 0)]
    async fn many(&self, ids: &[u64]) -> Vec<(u64, u64)> {
        ids.iter().map(|id| (*id, *id)).collect()
    }
}

impl Adapter {
    /// Without `self`.
    #[cache_read_many(associated, key = "associated:{id}")]
    pub async fn associated(ids: &[u64]) -> Vec<(u64, u64)> {
        ids.iter().map(|id| (*id, *id)).collect()
    }
}

/// Returns its future.
#[cache_read_many(key = "future:{id}")]
pub fn future(ids: &[u64]) -> impl Future<Output = Vec<(u64, u64)>> + Send {
    let pairs = ids.iter().map(|id| (*id, *id)).collect();
    async move { pairs }
}

fn is_send(_: impl Send) {}

fn main() {
    is_send(users("org", &["name"], &[1]));
    is_send(users::refresh("org", &["name"], &[1]));
    is_send(users::invalidate("org", &[1]));
    is_send(users::prime("org", 1, &String::new()));
    is_send(Adapter.many(&[1]));
    is_send(Adapter::associated(&[1]));
    is_send(future(&[1]));
    is_send(future::refresh(&[1]));
    let id = Id { shop: "a".to_owned(), number: 1 };
    is_send(prices::prime(&id, &1));
    let _ = (users::key("org", 1), prices::key(&id), users::stats());
    is_send(types(vec!["a".to_owned()]));
    is_send(types::invalidate(&["a"]));
}
