//! Each module is an application with one mistake, and says all that is found in it.

mod misspelt_tag {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "name:{id}", tags = ["user:{id}"])]
    async fn name_of(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_write(tags = ["users:{id}"])]
    async fn rename(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_missed_on_both_sides() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `user:{id}` that `name_of` carries, but `rename` invalidates `users:{id}`: write both the same",
                "nothing carries the tag `users:{id}` that `rename` invalidates, but `name_of` carries `user:{id}`: write both the same",
            ],
        );
    }
}

mod forgotten_write {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "user:{id}", tags = ["user:{id}", "users"])]
    async fn user(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_read(key = "count", tags = ["users"])]
    async fn count() -> usize {
        0
    }

    #[cache_write(tags = ["user:{id}"])]
    async fn rename(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_one_finding_however_many_reads_carry_the_tag() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `users` that `count` and `user` carry: name it in the \
               `tags` of a write, leave it out, or say `larder::by_hand!(\"users\")` where code does it",
            ],
        );
    }
}

mod leftover_write {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "user:{id}")]
    async fn user(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_write(tags = ["user:{id}", "order:{id}:items"])]
    async fn rename(id: u64) {
        let _ = id;
    }

    #[cache_write(tags = ["order:{order}:items"])]
    async fn add_item(order: u64) {
        let _ = order;
    }

    #[test]
    fn is_found_with_everybody_who_invalidates_the_tag() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing carries the tag `order:{order}:items` that `add_item` and `rename` invalidate: name it in the `tags` of a read, leave it out, or say `larder::by_hand!(\"order:{order}:items\")` where code sets it",
            ],
        );
    }
}

mod misspelt_key {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "cart:{id}")]
    async fn cart(id: u64) -> Vec<u64> {
        vec![id]
    }

    #[cache_write(keys = ["cart:{id}", "carts:{id}"])]
    async fn empty(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_found() {
        crate::assert_found(
            module_path!(),
            &[
                "no function has the key `carts:{id}` that `empty` invalidates, but `cart` has `cart:{id}`: write both the same",
            ],
        );
    }
}

mod forgotten_namespace {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "cart:{id}", namespace = "tenant-{tenant}")]
    async fn cart(tenant: u32, id: u64) -> Vec<u64> {
        vec![id + u64::from(tenant)]
    }

    #[cache_write(keys = ["cart:{id}"])]
    async fn empty(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_another_key() {
        crate::assert_found(
            module_path!(),
            &[
                "no function has the key `cart:{id}` that `empty` invalidates, but `cart` has `cart:{id} in tenant-{tenant}`: write both the same",
            ],
        );
    }
}

mod key_of_nobody {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "cart:{id}")]
    async fn cart(id: u64) -> Vec<u64> {
        vec![id]
    }

    #[cache_write(keys = ["cart:{id}", "basket:{id}"], namespace = "shop")]
    async fn empty(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_found() {
        crate::assert_found(
            module_path!(),
            &[
                "no function has the key `basket:{id} in shop` that `empty` invalidates: write it as the read does, its namespace too, leave it out, or name it in `larder::by_hand!(..)` where code sets it",
                "no function has the key `cart:{id} in shop` that `empty` invalidates, but `cart` has `cart:{id}`: write both the same",
            ],
        );
    }
}

mod another_cache {
    use larder::{cache_read, cache_write};

    #[cache_read(key = "s:{token}", tags = ["sessions"], cache = "sessions")]
    async fn session(token: &str) -> Option<u64> {
        token.parse().ok()
    }

    #[cache_write(tags = ["sessions"])]
    async fn log_all_out() {}

    #[test]
    fn is_told_as_such() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `sessions` that `session` carries in the cache `sessions`, but `log_all_out` invalidates it in the cache `default`: let both use the same cache",
                "nothing carries the tag `sessions` that `log_all_out` invalidates in the cache `default`, but `session` carries it in the cache `sessions`: let both use the same cache",
            ],
        );
    }
}

mod one_key_for_two_types {
    use larder::cache_read;

    type Fetched<T> = Result<T, std::io::Error>;

    #[cache_read(key = "user:{id}")]
    async fn user(id: u64) -> Fetched<Option<String>> {
        Ok(Some(format!("user {id}")))
    }

    #[cache_read(key = "user:{user_id}")]
    async fn name(user_id: u64) -> Result<String, String> {
        Ok(format!("user {user_id}"))
    }

    #[test]
    fn is_found_through_aliases_of_result() {
        crate::assert_found(
            module_path!(),
            &[
                "the keys `user:{user_id}` of `name` and `user:{id}` of `user` can be the same for \
               values of different types, `String` and `Option<String>`: let one of them begin with \
               another word",
            ],
        );
    }
}

mod a_name_that_is_a_word {
    use larder::cache_read;

    #[cache_read(key = "page:{name}")]
    async fn page(name: &str) -> String {
        name.to_owned()
    }

    #[cache_read(key = "page:count")]
    async fn count() -> u64 {
        0
    }

    #[test]
    fn is_found() {
        crate::assert_found(
            module_path!(),
            &[
                "the keys `page:count` of `count` and `page:{name}` of `page` can be the same for \
               values of different types, `u64` and `String`: let one of them begin with another word",
            ],
        );
    }
}

mod a_separator_that_values_have {
    use larder::cache_read;

    #[cache_read(key = "v1:{a}-{b}")]
    async fn pair(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[cache_read(key = ("v1", a))]
    async fn single(a: &str) -> String {
        a.to_owned()
    }

    #[test]
    fn is_found_in_a_key_of_parts_too() {
        crate::assert_found(
            module_path!(),
            &[
                "the keys `v1:{a}-{b}` of `pair` and `v1:{a}` of `single` can be the same for values of \
               different types, `(String, String)` and `String`: let one of them begin with another \
               word",
            ],
        );
    }
}

mod types_of_the_same_name {
    use larder::cache_read;

    mod old {
        #[derive(Clone, serde::Serialize, serde::Deserialize)]
        pub(super) struct User(pub(super) u64);
    }

    mod new {
        #[derive(Clone, serde::Serialize, serde::Deserialize)]
        pub(super) struct User(pub(super) String);
    }

    #[cache_read(key = "user:{id}", namespace = "shop")]
    async fn old_user(id: u64) -> old::User {
        old::User(id)
    }

    #[cache_read(key = "user:{id}", namespace = "shop")]
    async fn user(id: u64) -> new::User {
        new::User(id.to_string())
    }

    #[test]
    fn are_told_apart_by_their_paths() {
        crate::assert_found(
            module_path!(),
            &[
                "`old_user` and `user` have the same key `user:{id} in shop` for values of different \
               types, `old::User` and `new::User`: let one of them begin with another word",
            ],
        );
    }
}

mod an_entry_that_nobody_reads {
    use larder::{cache_read, cache_write, resource};

    resource! {
        pub(super) user(id: u64) {
            profile: ttl = 300;
            settings: tags = ["settings"];
        }
    }

    #[cache_read(user::profile(id))]
    async fn profile(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_write(user::tag(id), tags = ["settings"])]
    async fn update(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_found_and_what_invalidates_it_is_not_wrong_too() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing reads the entry `user::settings`: annotate the function that does with \
               `#[cache_read(user::settings(..))]`, leave the entry out, or say \
               `larder::by_hand!(user::settings)` where code uses it",
            ],
        );
    }
}

mod an_entry_beside_a_function {
    use larder::{cache_read, cache_write, resource};

    resource! {
        pub(super) user(id: u64) {
            profile;
        }
    }

    #[cache_read(user::profile(id))]
    async fn profile(id: u64) -> String {
        format!("user {id}")
    }

    #[cache_read(key = "user:profile:{name}")]
    async fn by_name(name: &str) -> usize {
        name.len()
    }

    #[cache_write(user::tag(id), tags = ["user:profile:{id}"])]
    async fn update(id: u64) {
        let _ = id;
    }

    #[test]
    fn can_share_a_key() {
        crate::assert_found(
            module_path!(),
            &[
                "the keys `user:profile:{name}` of `by_name` and `user:profile:{id}` of `profile` can \
               be the same for values of different types, `usize` and `String`: let one of them begin \
               with another word",
            ],
        );
    }
}

mod a_tag_of_an_entry {
    use larder::{cache_read, cache_write, resource};

    resource! {
        pub(super) user(id: u64) {
            avatar(size: u32): tags = ["avatars"];
        }
    }

    #[cache_read(user::avatar(id, size))]
    async fn avatar(id: u64, size: u32) -> Vec<u8> {
        vec![0; id as usize + size as usize]
    }

    #[cache_write(user::tag(id))]
    async fn update(id: u64) {
        let _ = id;
    }

    #[test]
    fn is_missed_like_any_other() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `avatars` that `avatar` carries: name it in the `tags` of \
               a write, leave it out, or say `larder::by_hand!(\"avatars\")` where code does it",
            ],
        );
    }
}

mod a_rule_for_nothing {
    use larder::{cache_read, invalidate_on};

    #[cache_read(key = "name:{id}", tags = ["user:{id}"])]
    async fn name_of(id: u64) -> String {
        format!("user {id}")
    }

    invalidate_on!(
        "graph.user.updated",
        tags = ["user:{user.id}", "member:{user.id}"]
    );

    #[test]
    fn is_found() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing carries the tag `member:{user.id}` that `invalidate_on!` invalidates: name it in the `tags` of a read, leave it out, or say `larder::by_hand!(\"member:{user.id}\")` where code sets it",
            ],
        );
    }
}

mod a_method {
    use larder::{cache_read, cache_write};

    #[allow(dead_code)]
    struct Shop {
        name: String,
    }

    impl Shop {
        #[cache_read(key = "{self.name}:offers", tags = ["{self.name}:all"])]
        async fn offers(&self) -> Vec<String> {
            vec![self.name.clone()]
        }

        #[cache_write(tags = ["{self.name}"], recache = [self.offers()])]
        async fn change(&self) {}
    }

    #[test]
    fn is_looked_at_like_a_function() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `{self.name}:all` that `offers` carries: name it in the `tags` of a write, leave it out, or say `larder::by_hand!(\"{self.name}:all\")` where code does it",
                "nothing carries the tag `{self.name}` that `change` invalidates: name it in the `tags` of a read, leave it out, or say `larder::by_hand!(\"{self.name}\")` where code sets it",
            ],
        );
    }
}

mod by_hand_in_another_cache {
    use larder::{by_hand, cache_read};

    #[cache_read(key = "user:{id}", tags = ["users"])]
    async fn user(id: u64) -> String {
        format!("user {id}")
    }

    by_hand!("users", cache = "sessions");

    #[test]
    fn does_not_help() {
        crate::assert_found(
            module_path!(),
            &[
                "nothing invalidates the tag `users` that `user` carries in the cache `default`, but `by_hand!` invalidates it in the cache `sessions`: let both use the same cache",
            ],
        );
    }
}

mod a_cache_that_nobody_configured {
    use larder::{Cache, Caches, Graph, cache_read};

    #[cache_read(key = "s:{token}", cache = "session")]
    async fn session(token: &str) -> Option<u64> {
        token.parse().ok()
    }

    #[test]
    fn is_found_where_the_names_are_known() {
        crate::assert_found(module_path!(), &[]);
        let caches = Caches::new(Cache::memory()).with("sessions", Cache::memory());
        let report = caches.sync_scope(|| Graph::of_program().within(module_path!()).check());
        assert_eq!(
            crate::told(module_path!(), report.findings()),
            [
                "there is no cache `session`, which `session` wants: configure it, or name one of \
                 default, sessions"
            ]
        );
    }
}

mod unknown_layer {
    use larder::{Cache, Caches, Graph, Layer, LayerName, Report, cache_read};

    #[cache_read(key = "user:{id}", layers = ["l1", "l3", "l4"])]
    async fn user(id: u64) -> u64 {
        id
    }

    #[cache_read(key = "session:{id}", layer = "l3", cache = "sessions")]
    async fn session(id: u64) -> u64 {
        id
    }

    #[cache_read(key = "name:{id}", layer = "l1")]
    async fn name(id: u64) -> u64 {
        id
    }

    #[cache_read(key = "count:{id}")]
    async fn count(id: u64) -> u64 {
        id
    }

    fn checked(caches: &Caches) -> Report {
        caches.sync_scope(|| Graph::of_program().within(module_path!()).check())
    }

    #[test]
    fn is_found_where_the_layers_are_known() {
        crate::assert_found(module_path!(), &[]);
        let memory = || {
            Cache::builder()
                .layer(LayerName::L1, Layer::memory())
                .build()
        };
        let report = checked(&Caches::new(memory()).with("sessions", memory()));
        assert_eq!(
            crate::told(module_path!(), report.findings()),
            [
                "the cache `default` has no `l3` and `l4`, which `user` wants: configure it, or name \
                 `l1`",
                "the cache `sessions` has no `l3`, which `session` wants: configure it, or name `l1`",
            ]
        );
    }

    #[test]
    fn is_certain_without_layers_only_where_nothing_is_kept() {
        let report = checked(&Caches::single(Cache::memory()));
        assert_eq!(
            crate::told(module_path!(), report.findings()),
            [
                "the cache `sessions` has no layers, of which `session` wants `l3`: give it some, or \
                 leave them out",
            ]
        );
        assert_eq!(
            crate::told(module_path!(), report.possible()),
            [
                "the cache `default` has no layers, of which `user` wants `l1`, `l3` and `l4`: give it \
                 some, or leave them out",
            ]
        );
        assert!(checked(&Caches::single(Cache::off())).is_clean());
    }
}
