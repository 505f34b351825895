//! Every form of the attributes once, in a small wiki. Each call is made twice, and what it did is said.
//!
//! ```text
//! cargo run --example kitchen_sink
//! ```
//!
//! No server, no set-up. `unsafe fn` is the one kind of function that is left out: this package forbids
//! `unsafe`. What each option means is in `docs/attributes.md`.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use larder::{
    Cache, Gap, Key, Tag, Ttl, Value, by_hand, cache_read, cache_read_many, cache_write, emit,
    invalidate_on, on_event, resource,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Page {
    id: u64,
    title: String,
    author: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("there is no such page")]
struct NotFound;

static QUERIES: AtomicUsize = AtomicUsize::new(0);

/// Stands for a question to a database.
async fn fetch<T>(answer: T) -> T {
    QUERIES.fetch_add(1, Ordering::SeqCst);
    answer
}

fn a_page(id: u64, title: &str) -> Page {
    let title = title.to_owned();
    Page {
        id,
        title,
        author: 1,
    }
}

/// Makes no difference to what it reads.
struct Pool;

// ---- What an entry is called ----

/// A template, over the arguments that make a difference.
#[cache_read(key = "page:{id}", ttl = "5m", tags = ["page:{id}", "pages"], skip(pool))]
async fn page(pool: &Pool, id: u64) -> Result<Page, NotFound> {
    let _ = pool;
    Ok(fetch(a_page(id, "Home")).await)
}

/// A batch: the same entries, one lookup and one load for those that are missing.
#[cache_read_many(key = "page:{id}", ttl = "5m", tags = ["page:{id}", "pages"])]
async fn pages(ids: &[u64]) -> Result<HashMap<u64, Page>, NotFound> {
    let pages = ids.iter().map(|id| (*id, a_page(*id, "Home")));
    Ok(fetch(pages.collect()).await)
}

/// Formats: digits, a hash of what is long or private, the values of a list; `<..>` is `{..}`.
#[cache_read(key = "digest:<week:02>:{email:hash}:{topics:join}", ttl = 3_600)]
async fn digest(week: u8, email: &str, topics: &[&str]) -> String {
    fetch(format!("{week} {email} {}", topics.len())).await
}

#[derive(Clone)]
struct Filter {
    author: u64,
    page: u32,
}

/// Fields of an argument.
#[cache_read(key = "list:{filter.author}:{filter.page}", tags = ["author:{filter.author}"])]
async fn list(filter: Filter) -> Vec<Page> {
    fetch(vec![a_page(u64::from(filter.page), "Home")]).await
}

/// Parts, each a value of its own.
#[cache_read(key = ("revision", page, number), ttl = never)]
async fn revision(page: u64, number: u32) -> Arc<str> {
    fetch(format!("{page}@{number}").into()).await
}

fn upload_key(path: &str) -> Key {
    Key::new(path.to_ascii_lowercase())
}

/// Whatever an expression gives.
#[cache_read(key = upload_key(path), ttl = Duration::from_secs(60))]
async fn upload(path: &str) -> usize {
    fetch(path.len()).await
}

/// No key: the function's path and a hash of the arguments. What is not worth it is not kept.
#[cache_read(ttl = Ttl::Long, cache_if = |found| *found > 0)]
async fn search(words: Vec<String>, limit: Option<usize>) -> usize {
    fetch(words.len().min(limit.unwrap_or(10))).await
}

/// A namespace, which can be invalidated as a whole.
#[cache_read(key = "menu:{lang}", namespace = "site-{site}", ttl = long)]
async fn menu(site: u32, lang: &str) -> String {
    fetch(format!("{site}/{lang}")).await
}

// ---- What an entry is invalidated by ----

fn tags_of(author: &u64, topic: &str) -> [String; 2] {
    [format!("author:{author}"), format!("topic:{topic}")]
}

/// By a function of the arguments, named.
#[cache_read(key = "feed:{author}:{topic}", tags = tags_of, ttl = short)]
async fn feed(author: u64, topic: &str) -> usize {
    fetch(author as usize + topic.len()).await
}

/// By anything that is a tag.
#[cache_read(key = "author:{id}:name", tags = ["author:{id}", Tag::new("authors")])]
async fn author_name(id: u64) -> String {
    fetch(format!("author {id}")).await
}

// ---- What is kept, and how it ages ----

/// `None` is not kept; a hit gives the whole ttl again; of several processes, one loads.
#[cache_read(key = "slug:{slug}", ttl = default, cache_none = false, refresh, lock)]
async fn by_slug(slug: &str) -> Option<u64> {
    fetch(Some(slug.len() as u64)).await
}

#[derive(Clone, Serialize, Deserialize)]
struct Token {
    expires_in: u64,
}

/// The value says how long; in a cache of its own.
#[cache_read(key = "token:{user}", ttl_of = |token| Duration::from_secs(token.expires_in), cache = "sessions")]
async fn token(user: u64) -> Token {
    let expires_in = 60 * user;
    fetch(Token { expires_in }).await
}

/// An error is kept too, for a while.
#[cache_read(key = "removed:{id}", cache_err = "5s")]
async fn removed(id: u64) -> Result<u64, NotFound> {
    fetch(if id == 0 { Ok(id) } else { Err(NotFound) }).await
}

/// Early and in the background, not at one time with others; stale rather than an error or a long wait.
#[cache_read(
    key = "weather:{city}",
    ttl = "10m",
    early_ttl = "8m",
    jitter = "10%",
    stale_for = "6h",
    load_timeout = "2s"
)]
async fn weather(city: &str) -> Result<String, NotFound> {
    Ok(fetch(format!("rain in {city}")).await)
}

struct Template(String); // neither `Clone` nor `Serialize`

/// Not for a store: as it is, in process memory.
#[cache_read(key = "template:{name}", layer = "l1")]
async fn template(name: &str) -> Arc<Template> {
    fetch(Arc::new(Template(name.to_owned()))).await
}

// ---- Functions of every kind ----

/// One that returns its future.
#[cache_read(key = "links:{id}")]
fn links(id: u64) -> impl Future<Output = Vec<u64>> + Send {
    let to = [id + 1, id + 2];
    fetch(to.to_vec())
}

/// A boxed one, in words and by its alias.
#[cache_read(key = "backlinks:{id}")]
fn backlinks(id: u64) -> Pin<Box<dyn Future<Output = Vec<u64>> + Send>> {
    Box::pin(fetch(vec![id]))
}

#[cache_read(key = "depth:{id}")]
fn depth(id: &u64) -> BoxFuture<'_, u64> {
    Box::pin(fetch(*id))
}

/// Not `async` at all: in process memory, any `Clone` value.
#[cache_read(key = "parsed:{source:hash}")]
fn parsed(source: &str) -> Arc<Template> {
    QUERIES.fetch_add(1, Ordering::SeqCst);
    Arc::new(Template(source.to_owned()))
}

/// Generic: types, a constant, bounds, a lifetime, `impl Trait`.
#[cache_read(key = "setting:{name}", skip(defaults))]
async fn setting<'a, T, const N: usize>(
    name: impl Display + Send,
    defaults: &'a [T; N],
) -> Option<T>
where
    T: Value + Copy + Sync,
{
    drop(name);
    fetch(defaults.first().copied()).await
}

/// Arguments that are taken apart, `mut`, of raw names, or configured away.
#[cache_read(key = "sum:{a}:{b}:{r#type}", skip(drive))]
async fn sum((a, b): (u64, u64), mut r#type: u64, #[cfg(false)] drive: char) -> u64 {
    r#type += 1;
    fetch(a + b + r#type).await
}

#[derive(Clone)]
struct Wiki {
    tenant: u32,
}

impl Wiki {
    #[cache_read(key = "front:{self.tenant}", tags = ["tenant:{self.tenant}"])]
    async fn front(&self) -> String {
        fetch(format!("wiki {}", self.tenant)).await
    }

    #[cache_read(key = "visits:{self.tenant}")]
    async fn visits(&mut self) -> u32 {
        fetch(self.tenant).await
    }

    #[cache_read(key = "export:{self.tenant}")]
    async fn export(self) -> u32 {
        fetch(self.tenant).await
    }

    #[cache_read(key = "members:{self.tenant}")]
    async fn members(self: Arc<Self>) -> u32 {
        fetch(self.tenant).await
    }

    /// Without `self`; one that mentions `Self` need not say so.
    #[cache_read(associated, key = "languages")]
    async fn languages() -> u32 {
        fetch(2).await
    }

    #[cache_write(tags = ["tenant:{self.tenant}"], recache = [self.front()])]
    async fn rename(&mut self, tenant: u32) {
        self.tenant = tenant;
    }
}

/// A trait whose body all implementations share, and one that they give.
trait Count {
    fn pages(&self, of: u64) -> impl Future<Output = u64> + Send;

    #[cache_read(key = "words:{of}", skip(self))]
    async fn words(&self, of: u64) -> u64 {
        fetch(of * 300).await
    }
}

impl Count for Wiki {
    #[cache_read(key = "pages:{self.tenant}:{of}")]
    async fn pages(&self, of: u64) -> u64 {
        fetch(of).await
    }
}

#[async_trait]
trait Render: Send + Sync {
    async fn render(&self, id: u64, (width, height): (u32, u32)) -> Result<String, NotFound>;
}

#[async_trait]
impl Render for Wiki {
    #[cache_read(key = "html:{id}:{width}", skip(self, height), tags = ["page:{id}"])]
    async fn render(&self, id: u64, (width, height): (u32, u32)) -> Result<String, NotFound> {
        Ok(fetch(format!("<p>{id} {width} {height}")).await)
    }
}

// ---- Resources: what is cached about a thing, in one place ----

resource! {
    /// A reader, and everything that is cached about one.
    user(id: u64) {
        profile: ttl = 300, lock;
        /// With an argument of its own, and all that an entry may say.
        avatar(size: u32): key = "v2:user:{id}:{size}", tags = ["avatars"], ttl = long, namespace = "images";
        inbox;
    }
    group(name: &str) {
        members: ttl = "10m";
    }
}

#[cache_read(user::profile(id))]
async fn profile(id: u64) -> String {
    fetch(format!("reader {id}")).await
}

/// Beside what the resource says.
#[cache_read(user::avatar(id, size), ttl = 60, tags = ["pages"])]
async fn avatar(id: u64, size: u32) -> Vec<u8> {
    fetch(vec![id as u8; size as usize]).await
}

#[cache_read(group::members(name))]
async fn group_members(name: &str) -> usize {
    fetch(name.len()).await
}

// ---- Writes ----

/// What it returned is the page's new entry; what depends on the page is invalidated, and a list loaded.
#[cache_write(
    tags = ["page:{id}", "author:{ret.author}"],
    put = page(id),
    recache = [list(Filter { author: ret.author, page: 1 }), author_name(ret.author)],
    recache_max_concurrency = 2
)]
async fn rename_page(id: u64, title: &str) -> Result<Page, NotFound> {
    Ok(fetch(a_page(id, title)).await)
}

/// Tags and keys by templates, functions and resources; nothing when it failed.
#[cache_write(
    user::tag(id), group::tag(&name), tags = tags_of(&id, &name),
    keys = ["front:{id}", user::profile(id).key, page::key(id)], invalidate = "on_ok"
)]
async fn leave(id: u64, name: String) -> Result<(), NotFound> {
    (id > 0 && !name.is_empty()).then_some(()).ok_or(NotFound)
}

#[cache_write(keys = ["menu:{lang}"], namespace = "site-{site}")]
async fn change_menu(site: u32, lang: &str) {}

#[cache_write(tags = ["token:{user}"], cache = "sessions")]
fn log_out(user: u64) -> impl Future<Output = ()> {
    std::future::ready(())
}

// ---- Events, and what no attribute shows ----

#[derive(Serialize, Deserialize)]
struct Moved {
    page: u64,
    lang: String,
}

const MOVED: &str = "wiki.moved";

invalidate_on!("wiki.moved": Moved, tags = ["page:{page}", Tag::new("authors")]);
invalidate_on!("wiki.moved", keys = ["menu:{lang}"], namespace = "site-1");
invalidate_on!("wiki.closed", tags = ["token:{user}"], cache = "sessions");

#[on_event(MOVED)]
async fn log_move(event: &Moved) -> Result<(), NotFound> {
    println!("page {} moved", event.page);
    Ok(())
}

#[on_event(Gap::EVENT)]
async fn start_over(_gap: Gap) {}

/// Code that invalidates by itself says so.
async fn import() -> Result<(), larder::Error> {
    by_hand!("pages", "avatars", user::inbox);
    by_hand!("token:{user}", cache = "sessions");
    larder::cache()
        .invalidate_tags(["pages", "avatars"])
        .await?;
    larder::cache().delete(user::inbox(1).key).await.map(drop)
}

/// Calls twice: the first loads, the second hits.
macro_rules! twice {
    ($call:expr) => {{
        let before = QUERIES.load(Ordering::SeqCst);
        let _ = $call;
        let first = QUERIES.load(Ordering::SeqCst) - before;
        let value = $call;
        let second = QUERIES.load(Ordering::SeqCst) - before - first;
        println!("{:8} {:8} {}", what(first), what(second), stringify!($call));
        assert_eq!(second, 0, "the second call is a hit");
        value
    }};
}

fn what(loads: usize) -> &'static str {
    if loads == 0 { "hit" } else { "loaded" }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    larder::builder()
        .cache("sessions", Cache::memory())
        .install()
        .await?;
    let pool = &Pool;
    let mut wiki = Wiki { tenant: 1 };

    println!("\nwhat an entry is called");
    twice!(page(pool, 7).await?);
    twice!(pages(&[7, 10, 11]).await?);
    twice!(digest(7, "ada@example.org", &["rust", "wiki"]).await);
    twice!(list(Filter { author: 1, page: 1 }).await);
    twice!(revision(7, 3).await);
    twice!(upload("Logo.PNG").await);
    twice!(search(vec!["rust".to_owned()], None).await);
    twice!(menu(1, "en").await);

    println!("\nwhat it is invalidated by, what is kept, and how it ages");
    twice!(feed(1, "rust").await);
    twice!(author_name(1).await);
    twice!(by_slug("home").await);
    twice!(token(7).await);
    twice!(removed(7).await.is_err());
    twice!(weather("Turin").await?);
    twice!(template("page").await.0.len());

    println!("\nfunctions of every kind");
    twice!(links(7).await);
    twice!(backlinks(7).await);
    twice!(depth(&7).await);
    twice!(parsed("# Home").0.len());
    twice!(setting("limit", &[1_u32, 2]).await);
    twice!(sum((1, 2), 3).await);
    twice!(wiki.front().await);
    twice!(wiki.visits().await);
    twice!(wiki.clone().export().await);
    twice!(Arc::new(wiki.clone()).members().await);
    twice!(Wiki::languages().await);
    twice!(wiki.pages(7).await);
    twice!(wiki.words(7).await);
    twice!(wiki.render(7, (80, 24)).await?);

    println!("\nresources");
    twice!(profile(7).await);
    twice!(avatar(7, 64).await.len());
    twice!(group_members("editors").await);

    println!("\nwrites, and what the next call does");
    rename_page(7, "Start").await?;
    assert_eq!(twice!(page(pool, 7).await?).title, "Start"); // put: it hits at once
    twice!(list(Filter { author: 1, page: 1 }).await); // recached: so does this
    twice!(wiki.render(7, (80, 24)).await?);
    leave(7, "editors".to_owned()).await?;
    twice!(profile(7).await);
    change_menu(1, "en").await;
    twice!(menu(1, "en").await);
    log_out(7).await;
    twice!(token(7).await);
    wiki.rename(1).await;
    twice!(wiki.front().await);

    println!("\nevents, and code by itself");
    let lang = "en".to_owned();
    emit(MOVED, &Moved { page: 7, lang }).await?;
    twice!(wiki.render(7, (80, 24)).await?);
    import().await?;
    twice!(avatar(7, 64).await.len());

    println!("\nthe companion of a function");
    println!("{} holds {:?}", page::key(8), page::peek(8).await?);
    page::prime(8, &a_page(8, "Help")).await?;
    twice!(page(pool, 8).await?);
    page::refresh(pool, 8).await?;
    page::invalidate(8).await?;
    println!("{:?}", page::stats());

    // What a test of the program says, too: nothing is forgotten, and nothing collides.
    let report = larder::check();
    assert!(report.is_clean(), "{report}");
    Ok(())
}
