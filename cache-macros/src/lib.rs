//! The attribute macros of [larder](https://docs.rs/larder). Applications use them through the
//! facade, `larder`; the code that they make calls `::larder::…`, so it must be a dependency under
//! that name.

mod argument;
mod body;
mod by_hand;
mod cfg;
mod duration;
mod errors;
mod event;
mod form;
mod function;
mod generics;
mod key;
mod layers;
mod mentions;
mod options;
mod place;
mod projection;
mod read;
mod read_many;
mod resource;
mod scope;
mod site;
#[cfg(test)]
mod snapshots;
mod tags;
mod template;
mod this;
mod ttl;
mod write;

use proc_macro::TokenStream;

/// Looks an `async fn`'s value up before it runs, and stores what it returns.
///
/// ```
/// use larder::cache_read;
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// # struct User { id: u64 }
/// # #[derive(Debug)] struct DbError;
/// # async fn fetch_user(id: u64) -> Result<User, DbError> { Ok(User { id }) }
///
/// #[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
/// async fn get_user(id: u64) -> Result<User, DbError> {
///     fetch_user(id).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let user = get_user(7).await.expect("it loads");
/// assert_eq!(get_user(7).await.expect("it is there"), user);
/// assert_eq!(get_user::stats().hits, 1);
///
/// get_user::invalidate(7).await?;
/// assert_eq!(get_user::peek(7).await?, None);
/// # Ok(()) }
/// ```
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `key = "user:{id}"` | The entry's key, a template. |
/// | `key = ("user", id, name)` | The same from parts, each a value of its own. |
/// | `key = expression` | Anything that `larder::Key::from` takes, as it is. |
/// | no `key` | The function's path and a hash of all arguments, which must be `Serialize`. |
/// | `user::profile(id)`, first and without a name | Key, tags, ttl and lock come from a [`resource!`]; `ttl` and `lock` replace its own, `tags` add to them. |
/// | `ttl = 300`, `ttl = "5m"` | How long the entry may be used: seconds, or a duration in words. Left out: the cache's usual ttl. |
/// | `ttl = short`, `default`, `long`, `never` | As the cache is configured; `never`: until it is invalidated or evicted. |
/// | `ttl = expression` | A `Duration` or a `larder::Ttl`, evaluated at each call. |
/// | `tags = ["user:{id}", tag(id)]` | By what the entry can be invalidated: templates, or anything that becomes a `larder::Tag`. Left out: the key. |
/// | `tags = tags_of`, `tags = tags_of(id)` | A function that returns any number of tags; by its name it gets references to all arguments that are not skipped. |
/// | `namespace = "{org}"` | A template for the namespace that the key is in. |
/// | `associated` | The function stands in an `impl` or `trait` and has no `self`; one that mentions `Self` need not say so. |
/// | `skip(db, trace)` | Arguments that are not part of the key. `skip(self)` for methods. |
/// | `lock` | A load excludes loads of the same key in other processes. |
/// | `cache = "sessions"` | The named cache to use. |
/// | `layer = "l1"` | In process memory alone, as it is: the value is `Clone` and need not be `Serialize`. |
/// | `layer = "l3"`, `layers = ["l1", "l3"]` | In these layers of the cache alone. |
/// | `cache_none = false` | `None` is not stored. |
/// | `cache_if = \|value\| ..` | Only values of which this says so are stored. |
/// | `ttl_of = \|value\| ..` | How long this value may be used: a `Duration` or a `larder::Ttl`, in place of `ttl`. |
/// | `cache_err = "5s"` | An error is kept too, so long; it is `Clone`, `Serialize` and `Deserialize`. |
/// | `early_ttl = "4m"` | An entry older than this is served, and loaded again in the background; arguments are cloned for that. |
/// | `refresh` | A hit gives its entry the whole ttl again. |
/// | `stale_for = "1h"` | An entry is kept so much longer, and served when a load fails. |
/// | `load_timeout = "200ms"` | Also served while a load takes longer than this, which then goes on alone. |
/// | `jitter = "10%"` | Each ttl comes out shorter by a random part of this, a share or a duration. |
///
/// # Templates
///
/// `{id:08}` and `{id:x}` write an integer in digits, `{email:hash}` the xxh3-128 of a value,
/// `{ids:join}` the values of a slice. `{id}` and `<id>` stand for an argument, `{user.id}`, `{pair.0}` and `{self.tenant}` for a field.
/// `{{`, `}}`, `<<` and `>>` are the characters themselves. Arguments need `Display` or
/// `larder::KeyPart`. They are escaped, so that no value reaches the key of another; two
/// placeholders must be separated. Every argument is in the key or in `skip(..)`.
///
/// # Returned values
///
/// Of a `Result`, also under another name, only `Ok` is stored; its error needs no bounds. What is
/// stored is `Serialize`, `DeserializeOwned` and `Clone`.
///
/// An argument that the tags mention is asked for after the body could have taken it: the body then
/// gets a clone, made on a miss only.
///
/// # Companion
///
/// Beside a free function comes a struct of its name and visibility. The function's arguments as far
/// as key, tags, namespace and ttl mention them identify the entry:
///
/// | function | does |
/// |---|---|
/// | `get_user::key(7)` | the `larder::Key`; without `key = ..` a `Result` of it |
/// | `get_user::invalidate(7).await` | makes the entry unusable, and every load of it under way |
/// | `get_user::peek(7).await` | the value if there is one, without a load |
/// | `get_user::prime(7, &user).await` | stores a value without a load |
/// | `get_user::refresh(7).await` | loads again and replaces the entry; takes all arguments |
/// | `get_user::stats()` | what the function's lookups and loads did |
///
/// `peek` and `prime` know the value's type when the return type is written as some `…Result<T, ..>`,
/// as a type of the standard library or without parameters; else the caller says which it is.
///
/// # Kinds of functions
///
/// | function | what holds |
/// |---|---|
/// | `async fn`, free, in a module or a function | has a companion |
/// | `fn -> impl Future<Output = T>`, `Pin<Box<dyn Future>>`, `BoxFuture` | has a companion; the body runs on a miss only; name `T` |
/// | plain `fn` | has a companion of plain functions; in process memory alone; waits by blocking its thread |
/// | `unsafe fn` | has a companion, whose `refresh` is `unsafe` |
/// | methods, by any receiver | no companion; the key names `self`, or `skip(self)` |
/// | functions without `self` in an `impl` or `trait` | no companion; mention `Self`, or say `associated` |
/// | functions of traits, default bodies, under `#[async_trait]` | no companion |
///
/// Generics, lifetimes, `impl Trait` arguments and those that are taken apart, `mut` or under
/// `#[cfg(..)]` are taken as they are; other attributes stay, above or below. Refused are
/// `async fn -> impl Trait`, `const`, `extern` and variadic functions, and `#[track_caller]`.
#[proc_macro_attribute]
pub fn cache_read(arguments: TokenStream, item: TokenStream) -> TokenStream {
    read::attribute(arguments.into(), item.into()).into()
}

/// Looks the values of many items up before an `async fn` runs, runs it for those that are missing, and
/// stores what it returns of each.
///
/// ```
/// use std::collections::HashMap;
///
/// use larder::{cache_read, cache_read_many};
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// # struct User { id: u64 }
/// # #[derive(Debug)] struct DbError;
/// # async fn fetch_user(id: u64) -> Result<User, DbError> { Ok(User { id }) }
/// # async fn fetch_users(ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
/// #     Ok(ids.iter().map(|id| (*id, User { id: *id })).collect())
/// # }
///
/// #[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
/// async fn get_user(id: u64) -> Result<User, DbError> {
///     fetch_user(id).await
/// }
///
/// #[cache_read_many(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
/// async fn get_users(ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
///     fetch_users(ids).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// get_user(7).await.expect("it loads");
/// let users = get_users(&[7, 8, 9]).await.expect("it loads 8 and 9");
/// assert_eq!(users.len(), 3);
/// assert_eq!((get_users::stats().hits, get_users::stats().loads), (1, 1));
///
/// get_user(8).await.expect("it is there");
/// assert_eq!(get_user::stats().hits, 1);
///
/// get_users::invalidate(&[7, 8]).await?;
/// assert_eq!(get_user::peek(8).await?, None);
/// # Ok(()) }
/// ```
///
/// # Items
///
/// One argument has the items: a slice, a `Vec` or a reference to one; another list is named in
/// `skip(..)`. The one placeholder of the key that names no argument is the item, also in parts,
/// `{id.tenant}`, and also in tags, namespace and expressions: a copy where it is a number, a `bool`, a
/// `char` or a reference, else a reference to it. Items are `Clone`, `Eq` and `Hash`.
///
/// All items are looked up at once, on a server in one round trip (one for each 200 of them). The body
/// gets those that are missing, each once and in the caller's order. What another caller loads, one of
/// them alone or a batch, is waited for and not loaded again, after this call's own load; what that one
/// gave up is loaded in a second run of the body. So other arguments are `Clone` or lent by `&`.
///
/// # Returned values
///
/// A `HashMap`, a `BTreeMap`, a `Vec` of pairs, or anything else that is collected from pairs of an item
/// (a `String` for a `&str`) and a value, plain or in a `Result`. It has each item of the call once, in
/// the caller's order where it has an order. Of what the body returns,
///
/// - an item that is missing is missing in the answer, and is not stored;
/// - an item that was not asked for is dropped: nothing says whether it has been invalidated since it was
///   read;
/// - an `Err` is the batch's: nothing is stored. Callers that waited for one of several items load it
///   themselves.
///
/// # Options
///
/// Templates and values are those of [`macro@cache_read`]: with the same key, tags and type of value, one
/// function finds what the other stored.
///
/// | option | meaning |
/// |---|---|
/// | `key = "user:{id}"`, `("user", id)`, `expression` | The key of one item's entry. |
/// | `ttl`, `tags`, `namespace` | As in `cache_read`, of one item. |
/// | `skip(db, trace)` | Arguments that are not part of the key. `skip(self)` for methods. |
/// | `lock` | A load excludes loads of the same keys in other processes. A batch never waits for a lock while it holds one. |
/// | `cache = "sessions"` | The named cache to use. |
/// | `layer = "l1"`, `layers = ["l1", "l3"]` | As in `cache_read`. |
/// | `cache_none = false` | `None` is not stored. |
/// | `cache_if = \|value\| ..`, `ttl_of = \|value\| ..` | As in `cache_read`, asked of each value. |
/// | `refresh`, `jitter = "10%"` | As in `cache_read`. |
/// | `stale_for = "1h"` | Kept that much longer; served when the load fails, if there is something for every item that was to be loaded. |
///
/// # Companion
///
/// Beside a free function comes a struct of its name and visibility:
///
/// | function | does |
/// |---|---|
/// | `get_users::key(7)` | the `larder::Key` of one item |
/// | `get_users::invalidate(&[7, 8]).await` | makes the entries unusable, and every load of them under way |
/// | `get_users::prime(7, &user).await` | stores one value without a load, where the return type shows what a value is |
/// | `get_users::refresh(&[7, 8]).await` | loads again and replaces the entries; takes all arguments |
/// | `get_users::stats()` | hits, misses and waits for each key, loads for each run of the body |
#[proc_macro_attribute]
pub fn cache_read_many(arguments: TokenStream, item: TokenStream) -> TokenStream {
    read_many::attribute(arguments.into(), item.into()).into()
}

/// Invalidates what depends on an `async fn` that changes something.
///
/// ```
/// use larder::{cache_read, cache_write};
/// # static NAME: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
///
/// #[cache_read(key = "name:{id}", tags = ["user:{id}"])]
/// async fn name_of(id: u64) -> String {
///     # let _ = id;
///     # NAME.lock().expect("nothing panics").clone()
/// }
///
/// #[cache_write(tags = ["user:{id}"], recache = [name_of(id)])]
/// async fn rename(id: u64, name: &str) -> Result<(), std::io::Error> {
///     # let _ = id;
///     # *NAME.lock().expect("nothing panics") = name.to_owned();
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// assert_eq!(name_of(7).await, "");
/// rename(7, "Ada").await?;
/// assert_eq!(name_of(7).await, "Ada");
/// # Ok(()) }
/// ```
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `tags = ["user:{id}", "user:{ret.id}"]` | Everything with one of these tags, and the keys of their names. `ret` is what the function returned; of a `Result`, what is in `Ok`. |
/// | `tags = tags_of`, `tags = tags_of(id)` | A function that returns any number of tags; by its name it gets references to all arguments. |
/// | `user::tag(id)`, without a name | Anything that becomes a `larder::Tag`. |
/// | `keys = ["user:{id}", key_of(id)]` | These keys: templates, or anything that becomes a `larder::Key`. |
/// | `namespace = "{org}"` | The namespace that `keys` are in. |
/// | `put = get_user(id)`, `put = [get_user(ret.id), get_name(&ret.name)]` | What the function returned (inside `Ok`) becomes the value of these entries of annotated free functions, after the invalidation and without a load; unless something else began to invalidate them since the body began. The same type, or an `Option` of it. Their keys are invalidated with the rest. Each gets its own clone of the arguments it mentions; `ret` is a reference. |
/// | `recache = [get_user(id), get_name(&ret.name)]` | Calls to make after the invalidation, before the return, when the function did not return `Err`. Their futures must be `Send`. One that fails or panics does not fail the write. Each gets its own clone of the arguments it mentions; `ret` is a reference. |
/// | `recache_max_concurrency = 4` | How many of them run at once; 4 unless set. |
/// | `invalidate = "on_ok"` | Only when the function did not return `Err`. |
/// | `cache = "sessions"` | The named cache to use. |
///
/// It invalidates before it returns, and however it ends: `Ok`, `Err`, a panic, or dropped in the
/// middle (what depends on `ret` only when there is one). Templates are those of [`macro@cache_read`].
#[proc_macro_attribute]
pub fn cache_write(arguments: TokenStream, item: TokenStream) -> TokenStream {
    write::attribute(arguments.into(), item.into()).into()
}

/// Declares what is cached about a thing: one place for keys, tags and ttls.
///
/// ```
/// use larder::{cache_read, cache_write, resource};
///
/// resource! {
///     /// A user, and everything that is cached about it.
///     pub user(user_id: u64) {
///         profile: ttl = 300, lock;
///         settings: ttl = "10m";
///         /// A picture of the user.
///         avatar(size: u32): key = "v2:user:{user_id}:avatar:{size}", tags = ["avatars"], ttl = long;
///     }
/// }
///
/// #[cache_read(user::profile(user_id))]
/// async fn get_profile(user_id: u64) -> String {
///     format!("user {user_id}")
/// }
///
/// #[cache_write(user::tag(user_id))]
/// async fn update_user(user_id: u64) {
///     # let _ = user_id;
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(user::profile(7).key.as_str(), "user:profile:7");
/// assert_eq!(user::tag(7).as_str(), "user:7");
/// assert_eq!(user::avatar(7, 64).key.as_str(), "v2:user:7:avatar:64");
/// # assert_eq!(get_profile(7).await, "user 7");
/// # update_user(7).await;
/// # assert_eq!(get_profile::peek(7).await.expect("it answers"), None);
/// # }
/// ```
///
/// Each entry becomes a function of the ids and its own arguments that returns a `larder::Spec`: what
/// [`macro@cache_read`] takes in first place. `tag` returns the tag that every entry of the resource
/// carries, `user:{user_id}`.
///
/// | option of an entry | meaning | left out |
/// |---|---|---|
/// | `key = ..` | as in `cache_read`; must mention all ids and arguments | `user:profile:{user_id}` |
/// | `tags = [..]` | beside the resource's tag | none |
/// | `ttl = ..` | as in `cache_read` | the cache's usual ttl |
/// | `namespace = ..` | as in `cache_read` | none |
/// | `lock` | as in `cache_read` | not set |
#[proc_macro]
pub fn resource(input: TokenStream) -> TokenStream {
    resource::declarations(input.into()).into()
}

/// Registers an `async fn` for an event: it runs whenever the event is emitted, in this process or in
/// another one that shares a store.
///
/// ```
/// use larder::{emit, on_event};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct UserUpdated { user_id: u64 }
///
/// #[on_event("user.updated")]
/// async fn drop_user(event: UserUpdated) -> Result<(), larder::Error> {
///     larder::cache().invalidate_tags([format!("user:{}", event.user_id)]).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let emitted = emit("user.updated", &UserUpdated { user_id: 7 }).await?;
/// assert_eq!(emitted.failed, 0);
/// # Ok(()) }
/// ```
///
/// The name is a string literal or a constant; an event has any number of handlers. The function is a
/// free one and stays callable. It takes the event, by value or by reference, whose type is
/// `Deserialize`. Of a `Result`, an `Err` is a failure, as is a panic: it is reported and tried again.
/// Any other return value counts as handled.
#[proc_macro_attribute]
pub fn on_event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    event::attribute(arguments.into(), item.into()).into()
}

/// Declares what an event invalidates.
///
/// ```
/// use larder::{cache_read, emit, invalidate_on};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct UserUpdated { user_id: u64 }
///
/// #[cache_read(key = "name:{user_id}", tags = ["user:{user_id}"])]
/// async fn name_of(user_id: u64) -> String { format!("user {user_id}") }
///
/// invalidate_on!("user.updated": UserUpdated, tags = ["user:{user_id}"]);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// name_of(7).await;
/// emit("user.updated", &UserUpdated { user_id: 7 }).await?;
/// assert_eq!(name_of::peek(7).await?, None);
/// # Ok(()) }
/// ```
///
/// Templates are those of [`macro@cache_read`]; their names are fields of the event. Where its type is
/// given they are checked at compile time, and tags and keys can be expressions of `event` too. Without
/// the type, `invalidate_on!("user.updated", tags = ["user:{user_id}"])`, they are looked up in what was
/// emitted; an event that lacks one invalidates nothing and is reported.
///
/// | option | meaning |
/// |---|---|
/// | `tags = ["user:{user_id}"]` | Everything with one of these tags, and the keys of their names. |
/// | `keys = ["user:{user_id}"]` | These keys. |
/// | `namespace = "{org}"` | The namespace that `keys` are in. |
/// | `cache = "sessions"` | The named cache to use. |
#[proc_macro]
pub fn invalidate_on(input: TokenStream) -> TokenStream {
    event::declaration(input.into()).into()
}

/// Says which tags, keys and entries code uses by itself, so that [`larder::check()`] does not miss
/// them: a tag that is invalidated with `cache.invalidate_tags(..)`, set with `cache.set(..).tags(..)`,
/// or used by another program on the same server. It stands in a module or a function, best beside the
/// code that it speaks of, and does nothing else.
///
/// ```standalone_crate
/// use larder::{by_hand, cache_read};
///
/// #[cache_read(key = "user:{id}", tags = ["user:{id}", "users"])]
/// async fn get_user(id: u64) -> String { format!("user {id}") }
///
/// async fn import(ids: &[u64]) -> Result<(), larder::Error> {
///     by_hand!("user:{id}", "users");
///     let mut changed: Vec<_> = ids.iter().map(|id| format!("user:{id}")).collect();
///     changed.push("users".to_owned());
///     larder::cache().invalidate_tags(changed).await?;
///     Ok(())
/// }
///
/// assert!(larder::check().is_clean());
/// ```
///
/// Names are templates; what placeholders are called does not matter. An entry of a
/// [`resource!`](macro@resource) is named by its path, `by_hand!(user::profile)`, its tag by
/// `by_hand!(user::tag)`. `cache = "sessions"` says in which named cache.
///
/// [`larder::check()`]: https://docs.rs/larder/latest/larder/fn.check.html
#[proc_macro]
pub fn by_hand(input: TokenStream) -> TokenStream {
    by_hand::declaration(input.into()).into()
}

/// Makes a struct a read model, which a cache keeps under its id: `cache.projections::<OrderSummary>()`.
///
/// ```
/// use larder::{Cache, Projection};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize, Projection)]
/// #[projection(name = "order_summary", id = "order_id", ttl = "1h")]
/// struct OrderSummary {
///     order_id: String,
///     total: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let cache = Cache::memory();
/// let orders = cache.projections::<OrderSummary>();
/// let order = OrderSummary { order_id: "ord-123".to_owned(), total: 99 };
/// orders.add(&order).await?;
/// assert_eq!(orders.get("ord-123").await?.map(|order| order.total), Some(99));
/// assert_eq!(orders.key("ord-123").as_str(), "order_summary:::ord-123");
/// # Ok(()) }
/// ```
///
/// | option | meaning | left out |
/// |---|---|---|
/// | `name = "order_summary"` | what its keys begin with; another type needs another name | the struct's name in snake case |
/// | `id = "order_id"` | the field that is the id, whose type needs `Display` or `larder::KeyPart` | `id` |
/// | `ttl = ..` | how long one is kept, as in [`macro@cache_read`] | the cache's usual ttl |
///
/// The id is given as `&str` where the field is a `String`, as it is where it is a number, `bool` or
/// `char`, else by reference. The struct is `Clone`, `Serialize` and `Deserialize`, and has no
/// parameters.
#[proc_macro_derive(Projection, attributes(projection))]
pub fn projection(item: TokenStream) -> TokenStream {
    projection::derive(item.into()).into()
}
