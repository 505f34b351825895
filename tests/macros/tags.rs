//! `tags`: by what an entry is reached.

use larder::{Cache, Caches, Tag, cache_read};

use crate::{Calls, User, with_cache};

/// Whether invalidating `tag` makes `$load` load again.
macro_rules! reaches {
    ($tag:expr, $load:ident($($argument:expr),*)) => {{
        let cache = Cache::memory();
        Caches::single(cache.clone()).scope(async {
            $load($($argument),*).await;
            let loads = $load::stats().loads;
            cache.invalidate_tags([$tag]).await.unwrap();
            $load($($argument),*).await;
            $load::stats().loads > loads
        }).await
    }};
}

#[tokio::test]
async fn every_kind_of_tag_is_carried() {
    fn team_tag(team: u64) -> Tag {
        Tag::new(format!("team:{team}"))
    }
    #[cache_read(
        key = "u:{id}",
        skip(team, user),
        tags = ["user:{id}", "all", "name:{user.name}", team_tag(team), format!("t{team}")]
    )]
    async fn load(id: u64, team: u64, user: User) -> u64 {
        let moved: User = user;
        id + team + moved.id
    }
    for tag in ["user:7", "all", "name:a%3Ab", "team:3", "t3", "u:7"] {
        assert!(reaches!(tag, load(7, 3, User::new(1, "a:b"))), "{tag}");
    }
    for tag in ["user:8", "name:a:b", "team:4"] {
        assert!(!reaches!(tag, load(7, 3, User::new(1, "a:b"))), "{tag}");
    }
}

#[tokio::test]
async fn a_function_of_the_arguments_gives_tags() {
    fn tags_of(id: &u64, name: &str) -> Vec<String> {
        vec![format!("f:{id}"), format!("n:{name}")]
    }
    #[cache_read(key = "u:{id}:{name}", skip(trace), tags = tags_of)]
    async fn path(id: u64, name: String, trace: bool) -> u64 {
        let _: (String, bool) = (name, trace);
        id
    }
    #[cache_read(key = "u:{id}:{name}", tags = tags_of(&(id + 1), &name))]
    async fn call(id: u64, name: String) -> u64 {
        let _: String = name;
        id
    }
    assert!(reaches!("f:7", path(7, "a".to_owned(), true)));
    assert!(reaches!("n:a", path(7, "a".to_owned(), true)));
    assert!(!reaches!("f:8", path(7, "a".to_owned(), true)));
    assert!(reaches!("f:8", call(7, "a".to_owned())));
    assert!(reaches!("n:a", call(7, "a".to_owned())));
}

#[tokio::test]
async fn an_argument_can_be_a_tag() {
    #[cache_read(key = "k", skip(owned, borrowed, tag), tags = [owned, borrowed, tag])]
    async fn load(owned: String, borrowed: &str, tag: Tag) -> usize {
        let _: (String, Tag) = (owned, tag);
        borrowed.len()
    }
    for tag in ["a", "b", "c"] {
        assert!(
            reaches!(tag, load("a".to_owned(), "b", Tag::new("c"))),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn without_tags_the_key_is_the_tag() {
    #[cache_read(key = "user:{id}")]
    async fn load(id: u64) -> u64 {
        id
    }
    assert!(reaches!("user:7", load(7)));
    assert!(!reaches!("user:8", load(7)));
}

#[tokio::test]
async fn a_hit_writes_no_tags() {
    static WRITTEN: Calls = Calls::new();
    fn tags_of() -> [&'static str; 1] {
        WRITTEN.count();
        ["t"]
    }
    #[cache_read(key = "k", tags = tags_of)]
    async fn load() -> u8 {
        0
    }
    with_cache(async {
        load().await;
        let once = WRITTEN.so_far();
        load().await;
        load().await;
        assert_eq!(WRITTEN.so_far(), once);
    })
    .await;
}

/// Templates that come through the user's own macros are templates all the same.
#[tokio::test]
async fn a_template_may_come_through_macro_rules() {
    macro_rules! pair {
        ($read:ident, $write:ident, $key:literal, $tag:literal, $space:literal, $ttl:expr) => {
            #[larder::cache_read(key = $key, tags = [$tag], namespace = $space, ttl = $ttl)]
            async fn $read(id: u64) -> u64 {
                id
            }
            #[larder::cache_write(tags = [$tag])]
            async fn $write(id: u64) {}
        };
    }
    pair!(get, touch, "k:{id}", "t:{id}", "n-{id}", "5m");
    larder::resource! {
        other(id: u64) { part: key = "p:{id}", tags = ["q:{id}"]; }
    }
    assert_eq!(get::key(7).full(), "n-7:k:7");
    assert_eq!(other::part(7).key.as_str(), "p:7");
    larder::scope(larder::Cache::memory(), async {
        get(7).await;
        get(8).await;
        touch(7).await;
        assert_eq!(get::peek(7).await.unwrap(), None);
        assert_eq!(get::peek(8).await.unwrap(), Some(8));
    })
    .await;
}
