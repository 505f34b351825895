//! Each module is an application without a mistake: nothing is found in it, nor possible.

mod tags {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "user:{id}", tags = ["user:{id}", "users"])]
    async fn user(id: u64) -> Result<String, std::io::Error> {
        Ok(format!("user {id}"))
    }

    #[cache_write(tags = ["user:{ret}"], recache = [user(id)])]
    async fn rename(id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }

    #[cache_write(tags = ["users"])]
    async fn import() {}

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod keys_as_tags {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "user:{id}")]
    async fn user(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_read(key = "cart:{id}", namespace = "tenant-{tenant}")]
    async fn cart(tenant: u32, id: u64) -> Vec<u64> {
        vec![id + u64::from(tenant)]
    }

    /// With a tag that is its key's name too.
    #[cache_read(key = "order:{id}", tags = ["order:{id}"])]
    async fn order(id: u64) -> u64 {
        id
    }

    /// Only its ttl ends it.
    #[cache_read(key = "weather:{city}", ttl = 60)]
    async fn weather(city: &str) -> String {
        city.to_owned()
    }

    #[cache_read(ttl = 60)]
    async fn search(text: String) -> Vec<String> {
        vec![text]
    }

    #[cache_write(tags = ["user:{id}", "cart:{id}"])]
    async fn rename(id: u64) {
        let _ = id;
    }

    #[cache_write(keys = ["cart:{id}"], namespace = "tenant-{tenant}")]
    async fn empty(tenant: u32, id: u64) {
        let _ = (tenant, id);
    }

    #[cache_write(keys = [order::key(id)])]
    async fn send(id: u64) {
        let _ = id;
    }

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod resources {
    mod cache {
        pub(super) mod declared {
            larder::resource! {
                pub(crate) user(user_id: u64) {
                    profile: ttl = 300, lock;
                    avatar(size: u32): tags = ["avatars:{size}"];
                    card: namespace = "cards";
                }
            }
        }
        pub(super) use declared::user;
    }

    /// Of the same name, and not meant by those who are nearer to the other one.
    mod other {
        larder::resource! {
            pub(crate) user(name: &str) {
                profile: key = "named:{name}";
            }
        }

        #[larder::cache_read(user::profile(name))]
        async fn profile(name: &str) -> usize {
            name.len()
        }

        #[larder::cache_write(self::user::tag(&name))]
        async fn rename(name: String) {
            drop(name);
        }
    }

    use cache::user;
    use larder::{cache_read, cache_write};

    #[cache_read(cache::declared::user::profile(id))]
    async fn profile(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_read(crate::clean::resources::cache::user::avatar(id, size))]
    async fn avatar(id: u64, size: u32) -> Vec<u8> {
        vec![0; id as usize + size as usize]
    }

    #[cache_read(cache::user::card(id), tags = ["cards"])]
    async fn card(id: u64) -> u64 {
        id
    }

    #[cache_write(cache::user::tag(id), tags = ["cards", "avatars:64"])]
    async fn update(id: u64) {
        let _ = id;
    }

    #[cache_write(keys = [cache::user::profile(id).key])]
    async fn forget(id: u64) {
        let _ = (id, user::tag(id));
    }

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod events {
    use larder::{by_hand, cache_read, invalidate_on, on_event};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Updated {
        id: u64,
        org: String,
    }

    #[cache_read(key = "name:{id}:{org}", tags = ["user:{id}", "users-of:{org}"])]
    async fn name_of(id: u64, org: &str) -> String {
        format!("user {id} of {org}")
    }

    #[cache_read(key = "org:{org}", tags = ["orgs"])]
    async fn org(org: &str) -> String {
        org.to_owned()
    }

    invalidate_on!("graph.updated": Updated, tags = ["user:{id}"], keys = [name_of::key(event.id, "x")]);
    invalidate_on!("graph.updated", tags = ["users-of:{org}"]);

    #[on_event("graph.updated")]
    async fn drop_orgs(event: Updated) -> Result<(), larder::Error> {
        by_hand!("orgs");
        drop(event.org);
        larder::cache().invalidate_tags(["orgs"]).await.map(drop)
    }

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod aliases_and_batches {
    use larder::{cache_read, cache_write};

    type Fetched<T> = Result<T, std::io::Error>;
    type User = (u64, String);

    #[cache_read(key = "user:{id}")]
    async fn user(id: u64) -> Fetched<User> {
        Ok((id, String::new()))
    }

    /// The same entry for the same value, reached by another way.
    #[cache_read(key = "user:<row.0>", skip(fresh))]
    async fn user_of(row: (u64, u8), fresh: bool) -> Result<(u64, String), String> {
        let _ = fresh;
        Ok((row.0, String::new()))
    }

    /// An integer is no word, so this is never the entry of all.
    #[cache_read(key = "order:{id}")]
    async fn order(id: i64) -> User {
        (id.unsigned_abs(), String::new())
    }

    #[cache_read(key = "order:all")]
    async fn all() -> Vec<User> {
        vec![]
    }

    /// In another namespace, and in another cache.
    #[cache_read(key = "user:{id}", namespace = "names")]
    async fn name(id: u64) -> String {
        id.to_string()
    }

    #[cache_read(key = "user:{id}", cache = "counts")]
    async fn count(id: u64) -> u64 {
        id
    }

    /// Whose type nobody knows.
    #[cache_read(key = "user:{id}")]
    async fn any<T>(id: u64) -> T
    where
        T: From<u64> + larder::Value,
    {
        id.into()
    }

    #[cache_write(tags = ["user:{id}", "order:all"])]
    async fn update(id: u64) {
        let _ = id;
    }

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod named_caches {
    use larder::{cache_read, cache_write, invalidate_on};

    #[cache_read(key = "s:{token}", tags = ["sessions"], cache = "sessions")]
    async fn session(token: &str) -> Option<u64> {
        token.parse().ok()
    }

    #[cache_read(key = "user:{id}", tags = ["users"], cache = "default")]
    async fn user(id: u64) -> String {
        id.to_string()
    }

    #[cache_write(tags = ["sessions"], cache = "sessions")]
    async fn log_all_out() {}

    invalidate_on!("graph.imported", tags = ["users"]);

    #[test]
    fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
    }
}

mod by_hand {
    use larder::{Cache, Error, by_hand, cache_read, cache_write, resource};

    resource! {
        pub(super) user(id: u64) {
            profile;
            settings: namespace = "settings";
        }
    }

    #[cache_read(key = "price:{article}", tags = ["prices"], cache = "prices")]
    async fn price(article: &str) -> usize {
        article.len()
    }

    #[cache_write(user::tag(id), tags = ["reports"], keys = ["report:{id}"])]
    async fn update(id: u64) {
        let _ = id;
    }

    // Read by another program on the same server.
    by_hand!(user::profile, user::settings);

    async fn import(prices: &Cache) -> Result<(), Error> {
        by_hand!("prices", cache = "prices");
        prices.invalidate_tags(["prices"]).await.map(drop)
    }

    async fn report(cache: &Cache) -> Result<(), Error> {
        by_hand!("reports", "report:{day}");
        cache.set("report:7", &7).tags(["reports"]).await
    }

    #[tokio::test]
    async fn nothing_is_found() {
        crate::assert_found(module_path!(), &[]);
        let cache = Cache::memory();
        import(&cache).await.expect("it is memory");
        report(&cache).await.expect("it is memory");
    }
}
