//! A decorator library: functions are cached by what is written above them. The examples are those
//! of svc-infra's caching guide for Python, translated to larder's attributes.
//!
//! What is another way here:
//!
//! | there | here |
//! |---|---|
//! | `cached`, `mutates`, `entity` are other names | `use larder::cache_read as cached` |
//! | arguments that a template does not name are ignored | they are named in `skip(..)`; a template that names no argument does not compile |
//! | parts of a key are trimmed | values are escaped: `":7:"` and `"7"` are two users |
//! | no ttl, a negative or an unknown one means the usual one | no ttl does; the others do not compile, or stop the start |
//! | a condition that does not hold caches without tags | an `if` around the call |
//! | a write that fails invalidates nothing | it may have written before it failed, so it does; `invalidate = "on_ok"` |
//! | `recache` with `include`, `rename`, `extra` or a function | `recache` with a call, which has the arguments that one writes |
//! | 5 recaches at once | 4, unless `recache_max_concurrency` says otherwise |
//! | a recached key is dropped first, always | it is if the write invalidates it; else `get_user::refresh(id)` loads it anew |
//! | invalidating gives the number of tags | it says whether the store has taken it; `delete_by_tags` gives the number of entries |
//! | `lock` is on | one load a key in a process, always; `lock` makes it one in all processes |
//! | `cache_url` may name the nodes of a cluster | one server a URL |
//! | an early refresh that fails is not described | the entry stays, and is tried again after a second |

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use larder::{
    Cache, Error, Invalidation, Key, Tag, Ttl, cache_read, cache_write, on_event, resource,
};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};

use crate::settings::{is_played_again, play_again, say, url_of};
use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_read_hits_until_a_write_names_its_tag
    each_user_is_an_entry_of_its_own
    two_parameters_make_one_key
    a_key_can_be_given_in_parts
    a_write_can_invalidate_several_tags
    tags_can_be_computed_from_the_arguments
    tags_are_templates_over_the_arguments
    tags_that_repeat_count_once
    a_write_that_fails_can_leave_everything_as_it_was
    an_invalidation_that_fails_does_not_fail_the_write
    a_role_in_the_key_is_a_tag_too
    several_reads_hang_on_one_tag
    a_condition_decides_whether_to_cache
    an_error_is_not_cached
    a_recache_loads_before_the_write_returns
    a_recache_takes_the_arguments_of_its_call
    a_recache_computes_its_arguments
    a_write_recaches_several_reads
    so_many_recaches_run_at_once_and_no_more
    a_recache_that_fails_does_not_fail_the_others
    a_key_that_a_write_names_is_dropped_before_the_recache
    nobody_reads_the_old_value_after_the_write
    a_resource_names_the_keys_and_the_tag
    a_user_is_read_written_and_read_again
    a_write_of_a_resource_recaches_its_views
    an_entry_of_a_resource_has_its_own_key_and_tags
    resources_are_independent
    a_delete_invalidates_as_well
    ttl_words_say_how_long
    the_environment_says_what_ttl_words_mean
    an_entry_expires
    an_old_entry_is_given_at_once_and_refreshed
    a_read_renews_a_life
    many_callers_of_a_cold_key_load_it_once
    the_environment_says_where_the_cache_is
    another_version_begins_with_an_empty_cache
    a_probe_says_whether_the_cache_is_ready
    a_cache_lives_as_long_as_the_application
    keys_are_set_read_and_deleted_directly
    a_user_is_invalidated_by_hand_and_on_an_event
    a_cache_that_is_down_costs_loads
    health_is_a_ping
    a_test_has_a_cache_of_its_own
    a_function_without_a_key_has_one_for_each_argument
}

/// What the functions read and write: users by their ids. Counts how often it is read.
#[derive(Default)]
struct Db {
    names: Mutex<HashMap<u64, String>>,
    reads: AtomicUsize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

impl Db {
    /// One user, who is called after the id until renamed.
    fn read(&self, id: u64) -> User {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let names = self.names.lock().expect("nobody panicked");
        let name = names.get(&id).cloned();
        User {
            id,
            name: name.unwrap_or_else(|| format!("user {id}")),
        }
    }

    fn write(&self, id: u64, name: &str) -> User {
        let mut names = self.names.lock().expect("nobody panicked");
        names.insert(id, name.to_owned());
        let name = name.to_owned();
        User { id, name }
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

#[cache_read(key = "user:{user_id}", ttl = 300, skip(db))]
async fn get_user(db: &Db, user_id: u64) -> User {
    db.read(user_id)
}

#[cache_write(tags = ["user:{user_id}"])]
async fn rename_user(db: &Db, user_id: u64, name: &str) -> User {
    db.write(user_id, name)
}

/// A cache whose server has gone; `None` in process memory, which does not go.
async fn cache_that_is_down(stage: &Stage) -> Option<Cache> {
    stage.place()?;
    let broken = Stage::redis_of_its_own().await;
    broken.place()?.server.kill();
    Some(broken.cache)
}

/// The tags that the entry of a key carries, as text.
async fn tags_of(cache: &Cache, key: Key) -> anyhow::Result<Vec<String>> {
    let entry = cache.entry::<User>(key).await?;
    let tags = entry.map(|entry| entry.tags).unwrap_or_default();
    Ok(tags.iter().map(|tag| tag.as_str().to_owned()).collect())
}

// Reading and writing.

// The names of the attributes may be those that one is used to.
async fn a_read_hits_until_a_write_names_its_tag(_: Stage) -> anyhow::Result<()> {
    use larder::{cache_read as cached, cache_write as mutates};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Thing {
        id: u64,
        v: usize,
    }
    #[cached(key = "thing:{id}", ttl = 1, skip(calls))]
    async fn get_thing(calls: &AtomicUsize, id: u64) -> Thing {
        let v = calls.fetch_add(1, Ordering::SeqCst) + 1;
        Thing { id, v }
    }
    #[mutates(tags = ["thing:{id}"])]
    async fn update_thing(id: u64) -> String {
        format!("updated {id}")
    }
    let calls = AtomicUsize::new(0);
    assert_eq!(get_thing(&calls, 1).await, Thing { id: 1, v: 1 });
    assert_eq!(get_thing(&calls, 1).await, Thing { id: 1, v: 1 });
    assert_eq!(update_thing(1).await, "updated 1");
    assert_eq!(get_thing(&calls, 1).await, Thing { id: 1, v: 2 });
    Ok(())
}

async fn each_user_is_an_entry_of_its_own(_: Stage) -> anyhow::Result<()> {
    let db = Db::default();
    let first = get_user(&db, 1).await;
    assert_eq!(get_user(&db, 1).await, first);
    assert_eq!(db.reads(), 1);
    assert_eq!(get_user(&db, 2).await.id, 2);
    assert_eq!(db.reads(), 2);

    rename_user(&db, 1, "Ada").await;
    assert_eq!(get_user(&db, 1).await.name, "Ada");
    assert_eq!(get_user(&db, 2).await.name, "user 2");
    assert_eq!(db.reads(), 3, "the other user is still there");
    Ok(())
}

async fn two_parameters_make_one_key(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "org:{org_id}:user:{user_id}", ttl = 600, skip(db))]
    async fn get_org_user(db: &Db, org_id: u64, user_id: u64) -> (u64, User) {
        (org_id, db.read(user_id))
    }
    let db = Db::default();
    for _ in 0..2 {
        let (org, user) = get_org_user(&db, 1, 2).await;
        assert_eq!((org, user.id), (1, 2));
        let (org, user) = get_org_user(&db, 2, 1).await;
        assert_eq!((org, user.id), (2, 1));
    }
    assert_eq!(db.reads(), 2);
    assert_eq!(get_org_user::key(1, 2).as_str(), "org:1:user:2");
    Ok(())
}

// Parts are taken as they are, where there empty ones are dropped and colons at their ends stripped:
// two users whose names differ have two keys, whatever is in the names.
async fn a_key_can_be_given_in_parts(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = ("user", "profile", user_id), skip(db))]
    async fn get_profile(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    #[cache_read(key = ("user", name))]
    async fn by_name(name: &str) -> String {
        name.to_owned()
    }
    #[cache_read(key = "user:profile")]
    async fn text() -> u8 {
        0
    }
    assert_eq!(get_profile::key(123).as_str(), "user:profile:123");
    assert_eq!(by_name::key("123").as_str(), "user:123");
    assert_eq!(by_name::key(":123:").as_str(), "user:%3A123%3A");
    assert_eq!(by_name::key("").as_str(), "user:");
    assert_eq!(text::key().as_str(), "user:profile");

    let db = Db::default();
    get_profile(&db, 123).await;
    for name in ["123", ":123:", ""] {
        assert_eq!(by_name(name).await, name);
    }
    for name in ["123", ":123:", ""] {
        assert_eq!(by_name(name).await, name);
    }
    let user = stage.cache.get::<User>("user:profile:123").await;
    assert_eq!(user?.map(|user| user.id), Some(123));
    Ok(())
}

async fn a_write_can_invalidate_several_tags(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "org:{org_id}:users", skip(db))]
    async fn users_of_org(db: &Db, org_id: u64) -> Vec<User> {
        vec![db.read(org_id * 10)]
    }
    #[cache_write(tags = ["user:{user_id}", "org:{org_id}:users"])]
    async fn move_user(user_id: u64, org_id: u64) {}

    let db = Db::default();
    let read = async || {
        get_user(&db, 1).await;
        users_of_org(&db, 7).await;
        users_of_org(&db, 8).await;
        db.reads()
    };
    assert_eq!(read().await, 3);
    move_user(1, 7).await;
    assert!(users_of_org::peek(8).await?.is_some());
    assert_eq!(read().await, 5);
    Ok(())
}

// A function that gives tags cannot fail in silence: what is to happen instead it says itself.
async fn tags_can_be_computed_from_the_arguments(stage: Stage) -> anyhow::Result<()> {
    fn tags_for(user_id: &u64) -> [String; 2] {
        [format!("user:{user_id}"), format!("user:{user_id}:profile")]
    }
    #[cache_read(key = "profile:{user_id}", skip(db), tags = tags_for)]
    async fn get_profile(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    #[cache_write(tags = tags_for(&user_id))]
    async fn update_profile(user_id: u64) -> &'static str {
        "updated"
    }
    fn none_if_it_fails(text: &str) -> Vec<Tag> {
        let number = text.parse::<u64>();
        number.map_or_else(
            |_| Vec::new(),
            |number| vec![Tag::new(format!("n:{number}"))],
        )
    }
    #[cache_read(key = "parsed:{text}", tags = none_if_it_fails)]
    async fn parsed(text: &str) -> String {
        text.to_owned()
    }
    #[cache_write(tags = none_if_it_fails(text))]
    async fn write_parsed(text: &str) -> String {
        text.to_owned()
    }

    let db = Db::default();
    let cache = &stage.cache;
    for tag in ["user:1", "user:1:profile"] {
        get_profile(&db, 1).await;
        let removed = cache.delete_by_tags([tag]).await;
        assert_eq!(removed?, 1, "{tag}");
    }
    get_profile(&db, 1).await;
    get_profile(&db, 2).await;
    assert_eq!(db.reads(), 4);
    assert_eq!(update_profile(1).await, "updated");
    get_profile(&db, 1).await;
    get_profile(&db, 2).await;
    assert_eq!(db.reads(), 5);

    assert_eq!(parsed("no number").await, "no number");
    assert_eq!(write_parsed("no number").await, "no number");
    let kept = parsed::peek("no number").await?;
    assert_eq!(kept.as_deref(), Some("no number"));
    Ok(())
}

// A tag that names no argument does not compile; there it is left out.
async fn tags_are_templates_over_the_arguments(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "a:{user_id}", skip(db), tags = ["static", "other"])]
    async fn fixed(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    #[cache_read(key = "b:{user_id}", skip(db), tags = ["user:{user_id}"])]
    async fn templates(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    #[cache_read(key = "c:{id}", skip(db), tags = ["static", "user:{id}"])]
    async fn mixed(db: &Db, id: u64) -> User {
        db.read(id)
    }
    let (db, cache) = (Db::default(), &stage.cache);
    fixed(&db, 1).await;
    assert_eq!(tags_of(cache, fixed::key(1)).await?, ["static", "other"]);
    templates(&db, 123).await;
    assert_eq!(tags_of(cache, templates::key(123)).await?, ["user:123"]);
    mixed(&db, 456).await;
    assert_eq!(
        tags_of(cache, mixed::key(456)).await?,
        ["static", "user:456"]
    );
    Ok(())
}

// What is counted are entries, not tags: one for each tag here. To count them is to look at all there
// are, so without tags it is `invalidate_tags` that asks nobody.
async fn tags_that_repeat_count_once(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for tag in ["a", "b", "c"] {
        let key = format!("tagged {tag}");
        cache.set(key, &1_u8).tags([tag]).await?;
    }
    let removed = cache.delete_by_tags(["a", "b", "a", "c", "b"]).await?;
    assert_eq!(removed, 3);
    assert_eq!(cache.delete_by_tags([""; 0]).await?, 0);

    let cache = cache_that_is_down(&stage).await.unwrap_or(stage.cache);
    assert_eq!(cache.invalidate_tags([""; 0]).await?, Invalidation::Done);
    Ok(())
}

async fn a_write_that_fails_can_leave_everything_as_it_was(_: Stage) -> anyhow::Result<()> {
    #[cache_write(tags = ["user:{user_id}"], recache = [get_user(db, user_id)], invalidate = "on_ok")]
    async fn rename(db: &Db, user_id: u64) -> Result<(), &'static str> {
        Err("the database refuses")
    }
    // Without it, the entry is gone: the database may have taken the name before it failed.
    #[cache_write(tags = ["user:{user_id}"], recache = [get_user(db, user_id)])]
    async fn rename_always(db: &Db, user_id: u64) -> Result<(), &'static str> {
        Err("the connection broke")
    }
    let db = Db::default();
    get_user(&db, 1).await;
    assert_eq!(rename(&db, 1).await, Err("the database refuses"));
    assert!(get_user::peek(1).await?.is_some());
    assert_eq!(rename_always(&db, 1).await, Err("the connection broke"));
    assert!(get_user::peek(1).await?.is_none());
    assert_eq!(db.reads(), 1, "nothing is recached");
    Ok(())
}

// Process memory cannot fail. The invalidation is not lost: it is kept until the server takes it.
async fn an_invalidation_that_fails_does_not_fail_the_write(stage: Stage) -> anyhow::Result<()> {
    #[cache_write(tags = ["user:{user_id}"], recache = [get_user(db, user_id)])]
    async fn rename(db: &Db, user_id: u64, name: &str) -> User {
        db.write(user_id, name)
    }
    let db = Db::default();
    let down = cache_that_is_down(&stage).await;
    let cache = down.as_ref().unwrap_or(&stage.cache);
    let (written, reads) = larder::scope(cache.clone(), async {
        (rename(&db, 1, "Ada").await, db.reads())
    })
    .await;
    assert_eq!(written.name, "Ada");
    assert_eq!(reads, 1, "it is recached all the same");
    let stats = cache.stats();
    assert_eq!(stats.errors > 0, down.is_some());
    assert_eq!(stats.queued_invalidations > 0, down.is_some());
    Ok(())
}

async fn a_role_in_the_key_is_a_tag_too(_: Stage) -> anyhow::Result<()> {
    #[cache_read(
        key = "user:{user_id}:permissions:{role}",
        tags = ["user:{user_id}", "role:{role}"],
        skip(db)
    )]
    async fn permissions(db: &Db, user_id: u64, role: &str) -> Vec<String> {
        vec![format!("{} as {role}", db.read(user_id).name)]
    }
    #[cache_write(tags = ["role:{role}"])]
    async fn change_role(role: &str) {}

    let db = Db::default();
    let read = async || {
        for (user_id, role) in [(1, "admin"), (2, "admin"), (1, "guest")] {
            permissions(&db, user_id, role).await;
        }
        db.reads()
    };
    assert_eq!(read().await, 3);
    change_role("admin").await;
    assert_eq!(read().await, 5);
    let guest = permissions::peek(1, "guest").await?;
    assert_eq!(guest, Some(vec!["user 1 as guest".to_owned()]));
    rename_user(&db, 1, "Ada").await;
    assert_eq!(read().await, 7);
    Ok(())
}

async fn several_reads_hang_on_one_tag(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user:{id}:posts", tags = ["user:{id}", "posts"], skip(db))]
    async fn posts_of(db: &Db, id: u64) -> Vec<String> {
        vec![format!("by {}", db.read(id).name)]
    }
    #[cache_write(tags = ["user:{id}"])]
    async fn delete_user(id: u64) {}
    #[cache_write(tags = ["posts"])]
    async fn moderate_posts() {}

    let db = Db::default();
    let read = async || {
        get_user(&db, 1).await;
        posts_of(&db, 1).await;
        db.reads()
    };
    assert_eq!(read().await, 2);
    delete_user(1).await;
    assert_eq!(read().await, 4);
    moderate_posts().await;
    assert!(get_user::peek(1).await?.is_some());
    assert_eq!(read().await, 5);
    Ok(())
}

// There is no option for a condition: an `if` decides which function is called. There, what does not
// meet the condition is cached without tags.
async fn a_condition_decides_whether_to_cache(_: Stage) -> anyhow::Result<()> {
    async fn user(db: &Db, user_id: u64, cached: bool) -> User {
        if cached {
            get_user(db, user_id).await
        } else {
            db.read(user_id)
        }
    }
    let db = Db::default();
    for reads in 1..=3 {
        user(&db, 1, false).await;
        assert_eq!(db.reads(), reads);
    }
    assert_eq!(get_user::peek(1).await?, None);
    for _ in 0..3 {
        user(&db, 1, true).await;
    }
    assert_eq!(db.reads(), 4);
    Ok(())
}

async fn an_error_is_not_cached(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "checked:{user_id}", skip(db))]
    async fn checked(db: &Db, user_id: u64) -> Result<User, String> {
        let user = db.read(user_id);
        if user.name == "Ada" {
            Ok(user)
        } else {
            Err(user.name)
        }
    }
    let db = Db::default();
    assert_eq!(checked(&db, 1).await, Err("user 1".to_owned()));
    assert_eq!(checked(&db, 1).await, Err("user 1".to_owned()));
    assert_eq!(db.reads(), 2);
    db.write(1, "Ada");
    assert_eq!(checked(&db, 1).await.map(|user| user.id), Ok(1));
    assert_eq!(checked(&db, 1).await.map(|user| user.id), Ok(1));
    assert_eq!(db.reads(), 3);
    Ok(())
}

// Recaching.

async fn a_recache_loads_before_the_write_returns(_: Stage) -> anyhow::Result<()> {
    #[cache_write(tags = ["user:{user_id}"], recache = [get_user(db, user_id)])]
    async fn rename(db: &Db, user_id: u64, name: &str) -> User {
        db.write(user_id, name)
    }
    let db = Db::default();
    get_user(&db, 1).await;
    assert_eq!(db.reads(), 1);
    rename(&db, 1, "Ada").await;
    assert_eq!(db.reads(), 2, "by the recache");
    assert_eq!(get_user(&db, 1).await.name, "Ada");
    assert_eq!(db.reads(), 2, "none by the read");
    Ok(())
}

// There, `include` names the arguments that the read gets, `rename` what they are called there, and
// `extra` others. A call has the arguments that are written.
async fn a_recache_takes_the_arguments_of_its_call(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "target:{target_id}", skip(db))]
    async fn target(db: &Db, target_id: u64) -> User {
        db.read(target_id)
    }
    #[cache_read(key = "list:{id}:{limit}:{expand}", tags = ["list:{id}"])]
    async fn list(id: u64, limit: u64, expand: bool) -> (u64, u64, bool) {
        (id, limit, expand)
    }
    #[cache_write(
        tags = ["user:{user_id}", "target:{user_id}", "list:{user_id}"],
        recache = [get_user(db, user_id), target(db, user_id), list(user_id, 50, true)]
    )]
    async fn write(db: &Db, user_id: u64, name: &str, more: &str) -> String {
        db.write(user_id, name).name + more
    }
    let (db, id) = (Db::default(), 999);
    assert_eq!(write(&db, id, "test", "!").await, "test!");
    assert_eq!(db.reads(), 2);
    let test = User {
        id,
        name: "test".to_owned(),
    };
    assert_eq!(get_user::peek(id).await?.as_ref(), Some(&test));
    assert_eq!(target::peek(id).await?.as_ref(), Some(&test));
    assert_eq!(list::peek(id, 50, true).await?, Some((id, 50, true)));
    // Other callers' limits are other entries.
    assert_eq!(list::peek(id, 10, false).await?, None);
    Ok(())
}

// There is nothing to fall back to: an expression has a value.
async fn a_recache_computes_its_arguments(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "number:{x}")]
    async fn number(x: u64) -> u64 {
        x
    }
    #[cache_write(tags = ["number:{x}"], recache = [number(2 * x)])]
    async fn double(x: u64) {}
    #[cache_write(tags = ["numbers"], recache = [number(a + b)])]
    async fn sum(a: u64, b: u64) {}
    #[cache_write(tags = ["numbers"], recache = [number(text.parse().unwrap_or(x))])]
    async fn parse(text: &str, x: u64) {}

    double(10).await;
    sum(3, 4).await;
    parse("no number", 5).await;
    for (x, kept) in [(20, true), (10, false), (7, true), (5, true)] {
        let value = number::peek(x).await?;
        assert_eq!(value, kept.then_some(x));
    }
    Ok(())
}

async fn a_write_recaches_several_reads(_: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "one:{x}")]
    async fn one(x: u64) -> u64 {
        x + 1
    }
    #[cache_read(key = "two:{x}")]
    async fn two(x: u64) -> u64 {
        x + 2
    }
    #[cache_write(tags = ["one:{x}", "two:{x}"], recache = [one(x), two(x)])]
    async fn write(x: u64) {}

    write(10).await;
    assert_eq!(one::peek(10).await?, Some(11));
    assert_eq!(two::peek(10).await?, Some(12));
    Ok(())
}

async fn so_many_recaches_run_at_once_and_no_more(_: Stage) -> anyhow::Result<()> {
    #[derive(Default)]
    struct Gauge {
        running: AtomicUsize,
        most: AtomicUsize,
        ran: AtomicUsize,
    }
    #[cache_read(key = "part:{number}", skip(gauge))]
    async fn part(gauge: &Gauge, number: u64) -> u64 {
        let running = gauge.running.fetch_add(1, Ordering::SeqCst) + 1;
        gauge.most.fetch_max(running, Ordering::SeqCst);
        // Until all that may run are there, and for any other that would come too.
        while gauge.ran.load(Ordering::SeqCst) == 0 && gauge.most.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            larder::cache().ping().await.expect("it is there");
            tokio::task::yield_now().await;
        }
        gauge.running.fetch_sub(1, Ordering::SeqCst);
        gauge.ran.fetch_add(1, Ordering::SeqCst);
        number
    }
    #[cache_write(
    tags = ["parts"],
    recache = [
        part(gauge, 0), part(gauge, 1), part(gauge, 2), part(gauge, 3), part(gauge, 4),
        part(gauge, 5), part(gauge, 6), part(gauge, 7), part(gauge, 8), part(gauge, 9),
    ],
    recache_max_concurrency = 3
)]
    async fn write(gauge: &Gauge) {}

    let gauge = Gauge::default();
    write(&gauge).await;
    assert_eq!(gauge.most.load(Ordering::SeqCst), 3);
    assert_eq!(gauge.ran.load(Ordering::SeqCst), 10);
    Ok(())
}

// `early_ttl=60` with a ttl of 300 seconds.
async fn an_old_entry_is_given_at_once_and_refreshed(stage: Stage) -> anyhow::Result<()> {
    #[derive(Clone, Default)]
    struct Source(std::sync::Arc<AtomicUsize>);
    #[cache_read(key = "popular:{id}", ttl = 300, early_ttl = 60, skip(source))]
    async fn popular(source: &Source, id: u64) -> usize {
        let _ = id;
        source.0.fetch_add(1, Ordering::SeqCst) + 1
    }
    let source = Source::default();
    let second = Duration::from_secs(1);
    assert_eq!(popular(&source, 7).await, 1);
    stage.clock.advance(59 * second);
    assert_eq!(popular(&source, 7).await, 1);
    stage.cache.settle().await;
    assert_eq!(source.0.load(Ordering::SeqCst), 1);
    stage.clock.advance(second);
    let given = join_all((0..10).map(|_| popular(&source, 7))).await;
    assert_eq!(given, [1; 10]);
    stage.cache.settle().await;
    assert_eq!(popular(&source, 7).await, 2);
    stage.clock.advance(300 * second);
    assert_eq!(popular(&source, 7).await, 3);
    Ok(())
}

async fn a_read_renews_a_life(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "session:{user_id}", ttl = 300, refresh, skip(db))]
    async fn get_session(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    let db = Db::default();
    for _ in 0..5 {
        get_session(&db, 7).await;
        stage.clock.advance(Duration::from_secs(299));
    }
    assert_eq!(db.reads.load(Ordering::SeqCst), 1);
    stage.clock.advance(Duration::from_secs(1));
    get_session(&db, 7).await;
    assert_eq!(db.reads.load(Ordering::SeqCst), 2);
    Ok(())
}

// One that returns an error is counted; one that panics is logged.
async fn a_recache_that_fails_does_not_fail_the_others(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "failing:{id}")]
    async fn failing(id: u64) -> Result<u64, String> {
        Err(format!("{id} cannot be read"))
    }
    #[cache_read(key = "panicking:{id}")]
    async fn panicking(id: u64) -> u64 {
        panic!("{id} cannot be read")
    }
    #[cache_write(
    tags = ["user:{id}"],
    recache = [failing(id), panicking(id), get_user(db, id)]
)]
    async fn rename(db: &Db, id: u64, name: &str) -> User {
        db.write(id, name)
    }
    let db = Db::default();
    assert_eq!(rename(&db, 1, "Ada").await.name, "Ada");
    let kept = get_user::peek(1).await?;
    assert_eq!(kept.map(|user| user.name).as_deref(), Some("Ada"));
    assert_eq!(stage.cache.stats().load_failures, 2);
    Ok(())
}

// A namespace is one part of a key, so what there is `ns:v1` is `ns-v1`.
async fn a_key_that_a_write_names_is_dropped_before_the_recache(
    stage: Stage,
) -> anyhow::Result<()> {
    #[cache_read(key = "user:{user_id}:profile", namespace = "ns-v1", tags = ["profiles"], skip(db))]
    async fn get_profile(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    #[cache_write(
        keys = ["user:{user_id}:profile"],
        namespace = "ns-v1",
        recache = [get_profile(db, user_id)]
    )]
    async fn rename(db: &Db, user_id: u64, name: &str) -> User {
        db.write(user_id, name)
    }
    // What the write does not invalidate is refreshed.
    #[cache_write(tags = ["user:{user_id}"], recache = [get_profile::refresh(db, user_id)])]
    async fn rename_and_refresh(db: &Db, user_id: u64, name: &str) -> User {
        db.write(user_id, name)
    }
    assert_eq!(get_profile::key(42).full(), "ns-v1:user:42:profile");

    let db = Db::default();
    get_profile(&db, 42).await;
    rename(&db, 42, "Ada").await;
    assert_eq!(db.reads(), 2, "the recache loads, once");
    assert_eq!(get_profile(&db, 42).await.name, "Ada");
    rename_and_refresh(&db, 42, "Grace").await;
    assert_eq!(db.reads(), 3);
    assert_eq!(get_profile(&db, 42).await.name, "Grace");
    assert_eq!(db.reads(), 3);

    if let Some(down) = cache_that_is_down(&stage).await {
        larder::scope(down, rename(&db, 42, "Mary")).await;
        assert_eq!(db.reads(), 4, "though the key could not be dropped");
    }
    Ok(())
}

async fn nobody_reads_the_old_value_after_the_write(stage: Stage) -> anyhow::Result<()> {
    #[cache_write(tags = ["user:{user_id}"], recache = [get_user(db, user_id)])]
    async fn write_through(db: &Db, user_id: u64, name: &str) -> User {
        db.write(user_id, name)
    }
    let (db, other) = (Db::default(), stage.another_process().await);
    for name in ["Ada", "Grace", "Mary"] {
        larder::scope(other.clone(), get_user(&db, 1)).await;
        write_through(&db, 1, name).await;
        let reads = db.reads();
        for cache in [&stage.cache, &other] {
            let user = larder::scope(cache.clone(), get_user(&db, 1)).await;
            assert_eq!(user.name, name);
        }
        assert_eq!(db.reads(), reads);
    }
    Ok(())
}

// Resources.

resource! {
/// A user, and everything that is cached about it.
user(user_id: u64) {
    profile: ttl = 300;
    profile_view: ttl = 300;
    settings: ttl = 600;
    versioned: key = "v2:user:{user_id}:profile", tags = ["profiles"];
    locked: ttl = 300, lock;
}
}

resource! {
product(product_id: u64) {
    details: ttl = 300;
}
}

#[cache_read(user::profile(user_id), skip(db))]
async fn get_profile(db: &Db, user_id: u64) -> User {
    db.read(user_id)
}

#[cache_read(user::profile_view(user_id), skip(db))]
async fn get_profile_view(db: &Db, user_id: u64) -> String {
    let user = db.read(user_id);
    format!("#{} {}", user.id, user.name)
}

#[cache_read(user::settings(user_id), skip(db))]
async fn get_settings(db: &Db, user_id: u64) -> String {
    format!("settings of {}", db.read(user_id).name)
}

#[cache_write(user::tag(user_id))]
async fn update_user(db: &Db, user_id: u64, name: &str) -> User {
    db.write(user_id, name)
}

async fn a_resource_names_the_keys_and_the_tag(stage: Stage) -> anyhow::Result<()> {
    let (db, cache) = (Db::default(), &stage.cache);
    assert_eq!(get_profile::key(1).as_str(), "user:profile:1");
    assert_eq!(get_settings::key(1).as_str(), "user:settings:1");
    assert_eq!(user::tag(1).as_str(), "user:1");
    for user_id in [1, 2] {
        get_profile(&db, user_id).await;
        get_settings(&db, user_id).await;
    }
    for (key, seconds) in [(get_profile::key(1), 300), (get_settings::key(1), 600)] {
        let left = cache.ttl(key).await?;
        assert_eq!(left, Some(Ttl::For(Duration::from_secs(seconds))));
    }
    assert_eq!(tags_of(cache, get_profile::key(1)).await?, ["user:1"]);

    update_user(&db, 1, "Ada").await;
    let left = async |key| cache.exists(key).await;
    assert!(!left(get_profile::key(1)).await?);
    assert!(!left(get_settings::key(1)).await?);
    assert!(left(get_profile::key(2)).await?);
    assert!(left(get_settings::key(2)).await?);
    Ok(())
}

async fn a_user_is_read_written_and_read_again(_: Stage) -> anyhow::Result<()> {
    let db = Db::default();
    db.write(123, "John Doe");
    assert_eq!(get_profile(&db, 123).await.name, "John Doe");
    assert_eq!(get_profile(&db, 123).await.name, "John Doe");
    assert_eq!(db.reads(), 1);
    assert_eq!(update_user(&db, 123, "New Name").await.name, "New Name");
    assert_eq!(get_profile(&db, 123).await.name, "New Name");
    assert_eq!(db.reads(), 2);
    Ok(())
}

#[cache_write(
user::tag(user_id),
recache = [get_profile(db, user_id), get_profile_view(db, user_id)],
recache_max_concurrency = 3
)]
async fn update_profile(db: &Db, user_id: u64, name: &str) -> User {
    db.write(user_id, name)
}

async fn a_write_of_a_resource_recaches_its_views(_: Stage) -> anyhow::Result<()> {
    let db = Db::default();
    db.write(1, "Ada");
    assert_eq!(get_profile(&db, 1).await.name, "Ada");
    assert_eq!(get_profile(&db, 1).await.name, "Ada");
    assert_eq!(db.reads(), 1);
    update_profile(&db, 1, "Grace").await;
    assert_eq!(db.reads(), 3, "the profile and its view");
    assert_eq!(get_profile(&db, 1).await.name, "Grace");
    assert_eq!(get_profile_view(&db, 1).await, "#1 Grace");
    assert_eq!(db.reads(), 3);

    get_profile(&db, 2).await;
    assert_eq!(get_profile_view(&db, 2).await, "#2 user 2");
    update_profile(&db, 2, "Katherine").await;
    assert_eq!(get_profile_view(&db, 2).await, "#2 Katherine");
    Ok(())
}

// An entry carries the resource's tag whatever other tags it has, so it is not repeated.
async fn an_entry_of_a_resource_has_its_own_key_and_tags(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(user::versioned(user_id), skip(db))]
    async fn versioned(db: &Db, user_id: u64) -> User {
        db.read(user_id)
    }
    let (db, cache) = (Db::default(), &stage.cache);
    assert_eq!(versioned::key(1).as_str(), "v2:user:1:profile");
    let read = async || {
        versioned(&db, 1).await;
        versioned(&db, 2).await;
        db.reads()
    };
    assert_eq!(read().await, 2);
    assert_eq!(
        tags_of(cache, versioned::key(1)).await?,
        ["user:1", "profiles"]
    );
    update_user(&db, 1, "Ada").await;
    assert_eq!(read().await, 3);
    let done = cache.invalidate_tags(["profiles"]).await;
    assert_eq!(done?, Invalidation::Done);
    assert_eq!(read().await, 5);
    Ok(())
}

async fn resources_are_independent(_: Stage) -> anyhow::Result<()> {
    #[cache_read(product::details(product_id), skip(db))]
    async fn get_details(db: &Db, product_id: u64) -> String {
        format!("product of {}", db.read(product_id).name)
    }
    let db = Db::default();
    get_profile(&db, 1).await;
    get_details(&db, 1).await;
    update_user(&db, 1, "Ada").await;
    assert_eq!(get_details(&db, 1).await, "product of user 1");
    assert_eq!(db.reads(), 2);
    Ok(())
}

async fn a_delete_invalidates_as_well(_: Stage) -> anyhow::Result<()> {
    #[cache_write(user::tag(user_id))]
    async fn delete_user(db: &Db, user_id: u64) -> bool {
        let mut names = db.names.lock().expect("nobody panicked");
        names.remove(&user_id).is_some()
    }
    let db = Db::default();
    db.write(1, "Ada");
    assert_eq!(get_profile(&db, 1).await.name, "Ada");
    assert!(delete_user(&db, 1).await);
    assert_eq!(get_profile(&db, 1).await.name, "user 1");
    Ok(())
}

// Ttls and locks.

// The words are lower case, and one that there is not does not compile. Nor does a ttl of zero; one
// that is computed is an error of the direct operations, and is not stored by functions.
async fn ttl_words_say_how_long(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "rate:{ip}", ttl = short)]
    async fn rate(ip: &str) -> u32 {
        0
    }
    #[cache_read(key = "plain:{id}")]
    async fn plain(id: u64) -> u64 {
        id
    }
    #[cache_read(key = "user:{id}", ttl = default)]
    async fn usual(id: u64) -> u64 {
        id
    }
    #[cache_read(key = "config:{name}", ttl = long)]
    async fn config(name: &str) -> String {
        name.to_owned()
    }
    let cache = &stage.cache;
    rate("127.0.0.1").await;
    plain(1).await;
    usual(1).await;
    config("theme").await;
    for (key, seconds) in [
        (rate::key("127.0.0.1"), 30),
        (plain::key(1), 300),
        (usual::key(1), 300),
        (config::key("theme"), 3_600),
    ] {
        let left = cache.ttl(&key).await?;
        let whole = Ttl::For(Duration::from_secs(seconds));
        assert_eq!(left, Some(whole), "{key:?}");
    }
    let refusal = cache.set("key", &1_u8).ttl(Duration::ZERO).await;
    assert!(matches!(refusal, Err(Error::ZeroTtl { .. })));
    Ok(())
}

// A variable that is no number stops the start, and is named; there it means the usual ttl.
async fn the_environment_says_what_ttl_words_mean(stage: Stage) -> anyhow::Result<()> {
    async fn ttls() -> anyhow::Result<String> {
        let caches = larder::Builder::from_env()?.build().await?;
        let mut ttls = String::new();
        for ttl in [Ttl::Short, Ttl::Default, Ttl::Long] {
            let cache = caches.default_cache();
            cache.set("key", &1_u8).ttl(ttl).await?;
            let Some(Ttl::For(left)) = cache.ttl("key").await? else {
                anyhow::bail!("it lives for a while");
            };
            // Some of the last second has passed.
            ttls += &format!("{} ", left.as_secs_f64().ceil());
        }
        Ok(ttls)
    }
    if is_played_again() {
        say(&ttls().await.unwrap_or_else(|error| error.to_string()));
        return Ok(());
    }
    let (example, url) = (
        "decorators::the_environment_says_what_ttl_words_mean",
        url_of(&stage),
    );
    let url = ("CACHE_URL", url.as_str());
    let variables = [
        url,
        ("CACHE_TTL_SHORT", "15"),
        ("CACHE_TTL_DEFAULT", "600"),
        ("CACHE_TTL_LONG", "7200"),
    ];
    assert_eq!(play_again(&stage, example, &variables)?, "15 600 7200 ");
    assert_eq!(play_again(&stage, example, &[url])?, "30 300 3600 ");
    let mistake = [url, ("CACHE_TTL_SHORT", "an hour")];
    let said = play_again(&stage, example, &mistake)?;
    assert!(said.contains("CACHE_TTL_SHORT"), "{said}");
    Ok(())
}

async fn an_entry_expires(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "brief:{id}", ttl = 1, skip(db))]
    async fn brief(db: &Db, id: u64) -> User {
        db.read(id)
    }
    let db = Db::default();
    brief(&db, 1).await;
    stage.clock.advance(Duration::from_millis(900));
    brief(&db, 1).await;
    assert_eq!(db.reads(), 1);
    stage.clock.advance(Duration::from_millis(100));
    brief(&db, 1).await;
    assert_eq!(db.reads(), 2);
    Ok(())
}

// Without `lock` it is one load in each process; there a lock is what one gets unless one says no.
async fn many_callers_of_a_cold_key_load_it_once(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(user::locked(user_id), skip(db, processes))]
    async fn locked(db: &Db, processes: &[Cache; 2], user_id: u64) -> User {
        let user = db.read(user_id);
        // The callers in the other process come before this one has loaded. What they ask the server
        // is answered before it answers these pings.
        while processes.iter().any(|cache| cache.stats().misses == 0) {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            for cache in processes {
                cache.ping().await.expect("it is there");
            }
        }
        user
    }
    let db = Db::default();
    let processes = [stage.cache.clone(), stage.another_process().await];
    let callers = (0..25).map(|number| {
        let process = processes[number % 2].clone();
        larder::scope(process, locked(&db, &processes, 1))
    });
    let users = join_all(callers).await;
    let user = User {
        id: 1,
        name: "user 1".to_owned(),
    };
    assert_eq!(users, vec![user; 25]);
    assert_eq!(db.reads(), 1);
    Ok(())
}

// Setting up.

async fn the_environment_says_where_the_cache_is(stage: Stage) -> anyhow::Result<()> {
    if is_played_again() {
        let caches = larder::Builder::from_env()?.build().await?;
        say(&caches.default_cache().stats().tiers[0].name);
        return Ok(());
    }
    let example = "decorators::the_environment_says_where_the_cache_is";
    let url = url_of(&stage);
    let nowhere = ("REDIS_URL", "redis://ada:hunter2@127.0.0.1:1/0");
    let stores = stage.cache.stats().tiers;
    let said = play_again(&stage, example, &[("CACHE_URL", &url), nowhere])?;
    assert_eq!(said, stores[0].name);
    let variables = stage.place().map(|_| ("REDIS_URL", url.as_str()));
    let said = play_again(&stage, example, variables.as_slice())?;
    assert_eq!(said, stores[0].name);
    Ok(())
}

// In process memory nothing outlives the process, so every start is with an empty cache.
async fn another_version_begins_with_an_empty_cache(stage: Stage) -> anyhow::Result<()> {
    let url = url_of(&stage);
    let of_version = async |version: &str| {
        let builder = larder::builder().url(&url).prefix("myapp");
        builder.version(version).build().await
    };
    let db = Db::default();
    let v2 = of_version("v2").await?;
    v2.clone().scope(get_user(&db, 1)).await;
    of_version("v99").await?.scope(get_user(&db, 1)).await;
    assert_eq!(db.reads(), 2);
    v2.clone().scope(get_user(&db, 1)).await;
    assert_eq!(db.reads(), 2);
    if stage.place().is_some() {
        of_version("v2").await?.scope(get_user(&db, 1)).await;
        assert_eq!(db.reads(), 2, "the server has it");
        let mut redis: ConnectionManager = stage.cache.connection()?;
        for key in ["myapp:v2::user:1", "myapp:v99::user:1"] {
            assert!(redis.exists(key).await?, "{key}");
        }
    }
    Ok(())
}

async fn a_probe_says_whether_the_cache_is_ready(stage: Stage) -> anyhow::Result<()> {
    async fn probe(cache: &Cache) -> anyhow::Result<()> {
        let round_trip = async {
            let ttl = Duration::from_secs(3);
            cache
                .set("app:__probe__", &"ok".to_owned())
                .ttl(ttl)
                .await?;
            cache.get::<String>("app:__probe__").await
        };
        let found = tokio::time::timeout(Duration::from_secs(5), round_trip).await??;
        anyhow::ensure!(found.as_deref() == Some("ok"), "probe failed");
        Ok(())
    }
    probe(&stage.cache).await?;
    // A cache that keeps nothing gives nothing back.
    let failed = probe(&Cache::off())
        .await
        .map_err(|error| error.to_string());
    assert_eq!(failed, Err("probe failed".to_owned()));
    if let Some(down) = cache_that_is_down(&stage).await {
        assert!(probe(&down).await.is_err());
    }
    Ok(())
}

// There is nothing to close: what must not be lost at the end are invalidations that the server has
// not taken yet, and `settle` waits for them.
async fn a_cache_lives_as_long_as_the_application(stage: Stage) -> anyhow::Result<()> {
    async fn application(db: &Db) -> String {
        get_user(db, 1).await;
        rename_user(db, 1, "Ada").await;
        let user = get_user(db, 1).await;
        larder::cache().settle().await;
        user.name
    }
    let (db, url) = (Db::default(), url_of(&stage));
    let caches = larder::builder().url(url).prefix("app").build().await?;
    assert_eq!(caches.scope(application(&db)).await, "Ada");
    if let Some(down) = cache_that_is_down(&stage).await {
        down.settle().await; // There is nothing to wait for.
    }
    Ok(())
}

// Using the cache directly.

async fn keys_are_set_read_and_deleted_directly(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let name = "Ada".to_owned();
    let set = cache.set("user:7", &name).ttl(Duration::from_secs(300));
    set.await?;
    let found = cache.get::<String>("user:7").await?;
    assert_eq!(found, Some(name));
    assert!(cache.exists("user:7").await?);
    assert!(cache.delete("user:7").await?);
    assert!(!cache.exists("user:7").await?);

    for (value, stored) in [(1_u8, true), (2, false)] {
        let set = cache.set_if_absent("first", &value).await;
        assert_eq!(set?, stored);
    }
    for value in [Some(1), None] {
        let taken = cache.get_and_delete::<u8>("first").await;
        assert_eq!(taken?, value);
    }
    for (by, sum) in [(1, 1), (5, 6)] {
        let counter = cache.increment("counter", by).await;
        assert_eq!(counter?, sum);
    }
    for key in ["user:1:profile", "user:2:profile", "user:1:settings"] {
        cache.set(key, &1_u8).await?;
    }
    let removed = cache.delete_by_pattern("user:*:profile").await;
    assert_eq!(removed?, 2);
    assert!(cache.exists("user:1:settings").await?);
    Ok(())
}

async fn a_user_is_invalidated_by_hand_and_on_an_event(stage: Stage) -> anyhow::Result<()> {
    #[derive(Serialize, Deserialize)]
    struct UserChanged {
        user_id: u64,
    }
    #[on_event("decorators.user-changed")]
    async fn drop_user(event: UserChanged) -> Result<(), Error> {
        let (cache, user_id) = (larder::cache(), event.user_id);
        cache.delete(format!("user:{user_id}")).await?;
        cache.delete_by_pattern(format!("user:{user_id}:*")).await?;
        Ok(())
    }
    let cache = &stage.cache;
    for by_hand in [true, false] {
        for key in ["user:7", "user:7:profile", "user:70:profile"] {
            cache.set(key, &1_u8).await?;
        }
        let event = UserChanged { user_id: 7 };
        if by_hand {
            drop_user(event).await?;
        } else {
            let emitted = larder::emit("decorators.user-changed", &event).await?;
            assert_eq!((emitted.handled, emitted.failed), (1, 0));
        }
        assert!(!cache.exists("user:7").await?);
        assert!(!cache.exists("user:7:profile").await?);
        assert!(cache.exists("user:70:profile").await?);
    }
    Ok(())
}

// Process memory is never down; a cache that is off behaves as one that is.
async fn a_cache_that_is_down_costs_loads(stage: Stage) -> anyhow::Result<()> {
    let down = cache_that_is_down(&stage).await;
    let cache = down.clone().unwrap_or_else(Cache::off);
    let db = Db::default();
    larder::scope(cache.clone(), async {
        for reads in 1..=2 {
            assert_eq!(get_user(&db, 1).await.name, "user 1");
            assert_eq!(db.reads(), reads);
        }
        assert_eq!(rename_user(&db, 1, "Ada").await.name, "Ada");
        assert_eq!(get_user(&db, 1).await.name, "Ada");
    })
    .await;
    assert_eq!(cache.stats().errors > 0, down.is_some());
    Ok(())
}

async fn health_is_a_ping(stage: Stage) -> anyhow::Result<()> {
    async fn health(cache: &Cache) -> (&'static str, Option<String>) {
        match cache.ping().await {
            Ok(()) => ("healthy", None),
            Err(error) => ("unhealthy", Some(error.to_string())),
        }
    }
    assert_eq!(health(&stage.cache).await, ("healthy", None));
    if let Some(down) = cache_that_is_down(&stage).await {
        let (state, error) = health(&down).await;
        assert_eq!(state, "unhealthy");
        let error = error.unwrap_or_default();
        assert!(error.contains(&down.stats().tiers[0].name), "{error}");
    }
    Ok(())
}

async fn a_test_has_a_cache_of_its_own(stage: Stage) -> anyhow::Result<()> {
    let caches = larder::builder().url(url_of(&stage)).prefix("test").build();
    let caches = caches.await?;
    let db = Db::default();
    caches
        .scope(async {
            let first = get_user(&db, 1).await;
            assert_eq!(get_user(&db, 1).await, first);
            assert_eq!(db.reads(), 1);
        })
        .await;
    Ok(())
}

async fn a_function_without_a_key_has_one_for_each_argument(_: Stage) -> anyhow::Result<()> {
    #[cache_read(skip(runs))]
    async fn double(runs: &AtomicUsize, x: u64) -> u64 {
        runs.fetch_add(1, Ordering::SeqCst);
        x * 2
    }
    #[cache_read]
    async fn both(number: u64, text: &str) -> String {
        format!("{number} {text}")
    }
    let runs = AtomicUsize::new(0);
    assert_eq!(double(&runs, 5).await, 10);
    assert_eq!(double(&runs, 5).await, 10);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(double(&runs, 10).await, 20);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(both(1, "hello").await, "1 hello");
    assert_eq!(both(1, "world").await, "1 world");
    Ok(())
}
