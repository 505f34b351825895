//! `key`, `namespace`, `skip`: which calls share an entry.

use larder::{Key, cache_read};

use crate::{Calls, User, with_cache};

#[tokio::test]
async fn a_call_loads_once_for_each_key() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "user:{id}")]
    async fn load(id: u64) -> usize {
        let _ = id;
        CALLS.count()
    }
    with_cache(async {
        assert_eq!(
            (load(1).await, load(1).await, load(2).await, load(1).await),
            (1, 1, 2, 1)
        );
    })
    .await;
    with_cache(async { assert_eq!(load(1).await, 3, "another cache") }).await;
}

#[tokio::test]
async fn angle_brackets_are_braces() {
    #[cache_read(key = "user:{id}:{user.name}")]
    async fn braces(id: u64, user: User) -> u8 {
        0
    }
    #[cache_read(key = "user:<id>:<user.name>")]
    async fn brackets(id: u64, user: User) -> u8 {
        1
    }
    let user = User::new(7, "Ada");
    assert_eq!(braces::key(7, user.clone()), brackets::key(7, user));
    with_cache(async {
        assert_eq!(braces(7, User::new(7, "Ada")).await, 0);
        assert_eq!(brackets(7, User::new(7, "Ada")).await, 0, "the same entry");
    })
    .await;
}

#[tokio::test]
async fn doubled_characters_are_literal() {
    #[cache_read(key = "{{<<100%>>}}:{id}")]
    async fn load(id: u64) -> u64 {
        id
    }
    assert_eq!(load::key(7).as_str(), "{<100%%>}:7");
}

#[tokio::test]
async fn fields_and_elements_can_be_parts() {
    struct Query {
        page: (u32, u32),
        r#type: &'static str,
    }
    #[cache_read(key = "q:{query.page.0}-{query.page.1}:{query.type}")]
    async fn search(query: Query) -> usize {
        query.r#type.len()
    }
    let query = || Query {
        page: (1, 20),
        r#type: "shoe",
    };
    assert_eq!(search::key(query()).as_str(), "q:1-20:shoe");
    with_cache(async { assert_eq!(search(query()).await, 4) }).await;
}

#[tokio::test]
async fn no_argument_reaches_the_key_of_another() {
    #[cache_read(key = "{a}:{b}")]
    async fn colon(a: &str, b: &str) -> String {
        format!("{a}|{b}")
    }
    #[cache_read(key = "{a}-{b}x{c}")]
    async fn plain(a: &str, b: &str, c: &str) -> String {
        format!("{a}|{b}|{c}")
    }
    #[cache_read(key = (a, b))]
    async fn parts(a: &str, b: &str) -> String {
        format!("{a}|{b}")
    }
    #[cache_read(key = "k:{a}", namespace = "{b}")]
    async fn namespaced(a: &str, b: &str) -> String {
        format!("{a}|{b}")
    }
    let texts = [
        "", ":", "a", "a:", ":a", "%", "%%", "%3A", "-", "a-", "x", "-x", "ax", "é", "\0", "*",
    ];
    with_cache(async {
        for a in texts {
            for b in texts {
                assert_eq!(parts(a, b).await, format!("{a}|{b}"));
            }
        }
    })
    .await;
    with_cache(async {
        for a in texts {
            for b in texts {
                assert_eq!(colon(a, b).await, format!("{a}|{b}"));
            }
        }
    })
    .await;
    with_cache(async {
        for a in texts {
            for b in texts {
                assert_eq!(namespaced(a, b).await, format!("{a}|{b}"));
            }
        }
    })
    .await;
    with_cache(async {
        for a in texts {
            for b in texts {
                for c in texts {
                    assert_eq!(plain(a, b, c).await, format!("{a}|{b}|{c}"));
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_option_is_a_part() {
    #[cache_read(key = "o:{a}")]
    async fn load(a: Option<&str>) -> Option<String> {
        a.map(str::to_owned)
    }
    with_cache(async {
        for a in [None, Some(""), Some("None"), Some("%-")] {
            assert_eq!(load(a).await.as_deref(), a);
        }
    })
    .await;
}

#[tokio::test]
async fn a_type_with_display_is_a_part() {
    struct Id(u64);
    impl std::fmt::Display for Id {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "id:{}", self.0)
        }
    }
    #[cache_read(key = "k:{id}")]
    async fn load(id: Id) -> u64 {
        id.0
    }
    assert_eq!(load::key(Id(7)).as_str(), "k:id%3A7");
    with_cache(async { assert_eq!(load(Id(7)).await, 7) }).await;
}

#[tokio::test]
async fn a_tuple_is_a_key_of_escaped_parts() {
    #[cache_read(key = ("user:v2", id, name.trim(), name.len() + 1))]
    async fn load(id: u64, name: String) -> String {
        let moved: String = name;
        format!("{id}{moved}")
    }
    assert_eq!(
        load::key(7, " a:b ".to_owned()).as_str(),
        "user%3Av2:7:a%3Ab:6"
    );
    with_cache(async { assert_eq!(load(7, "x".to_owned()).await, "7x") }).await;
}

#[tokio::test]
async fn an_expression_is_a_key_as_it_is() {
    fn of(id: u64) -> Key {
        Key::new(format!("made:{id}")).in_namespace("there")
    }
    #[cache_read(key = of(id))]
    async fn called(id: u64) -> u64 {
        id
    }
    #[cache_read(key = format!("f:{id}"))]
    async fn formatted(id: u64) -> u64 {
        id
    }
    #[cache_read(key = name)]
    async fn argument(name: String) -> String {
        name
    }
    #[cache_read(key = of(id), namespace = "here")]
    async fn moved(id: u64) -> u64 {
        id
    }
    assert_eq!(called::key(7).full(), "there:made:7");
    assert_eq!(formatted::key(7).full(), "f:7");
    assert_eq!(argument::key("a".to_owned()).full(), "a");
    assert_eq!(moved::key(7).full(), "here:made:7");
    with_cache(async {
        assert_eq!(called(7).await + formatted(7).await + moved(7).await, 21);
        assert_eq!(argument("a".to_owned()).await, "a");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_all_arguments_are_hashed() {
    #[cache_read]
    async fn search(text: String, page: Option<u32>, filter: Vec<(u8, bool)>) -> usize {
        let (text, filter): (String, Vec<(u8, bool)>) = (text, filter);
        text.len() + page.unwrap_or(0) as usize + filter.len()
    }
    #[cache_read]
    async fn other(text: String, page: Option<u32>, filter: Vec<(u8, bool)>) -> usize {
        text.len() + page.unwrap_or(0) as usize + filter.len()
    }
    let key = |page| search::key("shoes".into(), page, vec![(1, true)]).unwrap();
    assert!(
        key(None).as_str().starts_with("macros::keys::"),
        "{}",
        key(None)
    );
    assert!(key(None).as_str().contains("::search:"), "{}", key(None));
    assert_eq!(key(Some(1)), key(Some(1)));
    assert_ne!(key(Some(1)), key(Some(2)));
    assert_ne!(
        key(None),
        other::key("shoes".into(), None, vec![(1, true)]).unwrap()
    );
    with_cache(async {
        assert_eq!(search("shoes".into(), Some(2), vec![]).await, 7);
        assert_eq!(search("shoes".into(), Some(2), vec![]).await, 7);
        assert_eq!(search("shoes".into(), Some(3), vec![]).await, 8);
        assert_eq!((search::stats().hits, search::stats().loads), (1, 2));
        search::invalidate("shoes".into(), Some(2), vec![])
            .await
            .unwrap();
        assert_eq!(
            search::peek("shoes".into(), Some(2), vec![]).await.unwrap(),
            None
        );
        assert_eq!(
            search::peek("shoes".into(), Some(3), vec![]).await.unwrap(),
            Some(8)
        );
    })
    .await;
}

#[tokio::test]
async fn arguments_that_cannot_be_hashed_run_uncached() {
    struct Broken;
    impl serde::Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    static CALLS: Calls = Calls::new();
    #[cache_read]
    async fn load(broken: Broken) -> usize {
        let Broken = broken;
        CALLS.count()
    }
    with_cache(async {
        assert_eq!((load(Broken).await, load(Broken).await), (1, 2));
        assert!(load::key(Broken).is_err());
        assert!(load::peek(Broken).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn many_arguments_are_hashed() {
    #[cache_read]
    #[allow(clippy::too_many_arguments)]
    async fn load(
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        q: u8,
        r: u8,
    ) -> u8 {
        a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r
    }
    with_cache(async {
        assert_eq!(
            load(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).await,
            1
        );
        assert_eq!(
            load(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1).await,
            2
        );
        assert_eq!(load::stats().hits, 0);
    })
    .await;
}

#[tokio::test]
async fn a_type_parameter_is_part_of_a_hashed_key() {
    #[cache_read]
    async fn size<T: 'static, const N: usize>(id: u64) -> usize {
        size_of::<T>() * N + usize::try_from(id).unwrap()
    }
    with_cache(async {
        assert_eq!(size::<u8, 1>(0).await, 1);
        assert_eq!(size::<u64, 1>(0).await, 8);
        assert_eq!(size::<u64, 2>(0).await, 16);
    })
    .await;
}

#[tokio::test]
async fn a_skipped_argument_does_not_matter() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "user:{id}", skip(trace, r#type))]
    async fn load(id: u64, trace: &str, r#type: String) -> (u64, usize) {
        let _ = (trace, r#type);
        (id, CALLS.count())
    }
    #[cache_read(skip(trace))]
    async fn hashed(id: u64, trace: &str) -> u64 {
        id + trace.len() as u64
    }
    with_cache(async {
        assert_eq!(load(1, "a", String::new()).await, (1, 1));
        assert_eq!(load(1, "b", "x".to_owned()).await, (1, 1));
        assert_eq!(load::peek(1).await.unwrap(), Some((1, 1)));
        assert_eq!(hashed(1, "a").await, 2);
        assert_eq!(hashed(1, "abc").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_namespace_keeps_entries_apart_and_together() {
    static CALLS: Calls = Calls::new();
    #[cache_read(key = "user:{id}", namespace = "{org}-{region}")]
    async fn load(org: &str, region: &str, id: u64) -> usize {
        let _ = (org, region, id);
        CALLS.count()
    }
    let cache = larder::Cache::memory();
    larder::Caches::single(cache.clone())
        .scope(async {
            assert_eq!(
                load::key("acme:x", "eu-1", 7).full(),
                "acme%3Ax-eu-1:user:7"
            );
            assert_eq!(load("a", "eu", 7).await, 1);
            assert_eq!(load("b", "eu", 7).await, 2);
            cache.invalidate_namespace("a-eu").await.unwrap();
            assert_eq!(load("a", "eu", 7).await, 3);
            assert_eq!(load("b", "eu", 7).await, 2);
        })
        .await;
}

#[tokio::test]
async fn a_hashed_key_can_be_in_a_namespace() {
    #[cache_read(namespace = "{org}")]
    async fn load(org: &str, id: u64) -> u64 {
        id + org.len() as u64
    }
    assert_eq!(load::key("acme", 7).unwrap().namespace(), Some("acme"));
    with_cache(async { assert_eq!(load("acme", 7).await, 11) }).await;
}

#[tokio::test]
async fn integers_can_be_written_in_digits_of_ones_choice() {
    struct Order {
        number: i32,
    }
    #[cache_read(key = "order:{id:08}:{shard:x}:{order.number:03}", tags = ["shard:{shard:04X}"])]
    async fn load(id: u64, shard: &u8, order: Order) -> u8 {
        0
    }
    let key = load::key(42, &255, Order { number: -5 });
    assert_eq!(key.as_str(), "order:00000042:ff:-05");
}

#[tokio::test]
async fn a_hash_stands_for_what_is_long_or_private() {
    struct Account {
        email: Option<String>,
    }
    #[cache_read(key = "account:{account.email:hash}:{path:hash}")]
    async fn load(account: Account, path: &str) -> u8 {
        0
    }
    let with = |email: Option<&str>, path: &str| {
        let email = email.map(str::to_owned);
        load::key(Account { email }, path)
    };
    let key = with(Some("ada@example.org"), &"long/".repeat(1_000));
    assert_eq!(key.as_str().len(), "account:".len() + 32 + 1 + 32);
    assert!(!key.as_str().contains("ada"));
    assert_eq!(key, with(Some("ada@example.org"), &"long/".repeat(1_000)));
    assert_ne!(key, with(Some("bob@example.org"), &"long/".repeat(1_000)));
    assert_ne!(with(None, "a"), with(Some(""), "a"));
}

#[tokio::test]
async fn lists_are_joined_and_stay_apart() {
    struct Sku(u32);
    impl std::fmt::Display for Sku {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "sku-{}", self.0)
        }
    }
    #[cache_read(key = "tagged:{tags:join}:{skus:join}")]
    async fn load(tags: &[&str], skus: Vec<Sku>) -> u8 {
        0
    }
    let key = |tags: &[&str]| load::key(tags, vec![Sku(1), Sku(2)]);
    assert_eq!(key(&["a", "b:c"]).as_str(), "tagged:a%,b%3Ac:sku-1%,sku-2");
    assert_ne!(key(&["a", "b"]), key(&["a,b"]));
    assert_ne!(key(&[]), key(&[""]));

    #[cache_read(key = "optional:{ids:join}")]
    async fn optional(ids: &[Option<u8>]) -> u8 {
        0
    }
    assert_ne!(optional::key(&[]), optional::key(&[None]));
    assert_ne!(optional::key(&[None, None]), optional::key(&[None]));
}
