//! `resource!`: what it generates, and its use in both attributes.

use larder::{Cache, Caches, Ttl, cache_read, cache_write, resource};

use crate::{Calls, Opaque, with_cache};

mod shop {
    use larder::resource;

    resource! {
        /// A user, and everything that is cached about it.
        pub(crate) user(user_id: u64) {
            /// Who it is.
            profile: ttl = 300, lock;
            settings: ttl = "10m";
            bare;
            avatar(size: u32): key = "v2:user:{user_id}:avatar:{size}", tags = ["avatars"], ttl = long;
            scoped: namespace = "users";
        }

        pub(crate) member(org: &str, name: String) {
            role(at: u64);
            list: key = ("members", org, &name), tags = [format!("org:{org}")];
        }
    }
}

use shop::{member, user};

resource! {
    private(id: u8) { entry; }
}

#[test]
fn keys_tags_ttl_and_lock_come_from_the_declaration() {
    let names = |tags: larder::Tags| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    let profile = user::profile(7);
    assert_eq!(profile.key.as_str(), "user:profile:7");
    assert_eq!(names(profile.to_tags()), ["user:7"]);
    assert_eq!(profile.ttl, Ttl::For(std::time::Duration::from_secs(300)));
    assert!(profile.lock);
    assert_eq!(
        user::settings(7).ttl,
        Ttl::For(std::time::Duration::from_secs(600))
    );
    assert!(!user::settings(7).lock);
    assert_eq!(user::bare(7).key.as_str(), "user:bare:7");
    assert_eq!(user::bare(7).ttl, Ttl::Default);
    let avatar = user::avatar(7, 64);
    assert_eq!(avatar.key.as_str(), "v2:user:7:avatar:64");
    assert_eq!(names(avatar.to_tags()), ["user:7", "avatars"]);
    assert_eq!(avatar.ttl, Ttl::Long);
    assert_eq!(user::scoped(7).key.full(), "users:user:scoped:7");
    assert_eq!(user::tag(7).as_str(), "user:7");
    assert_eq!(private::entry(1).key.as_str(), "private:entry:1");
}

#[test]
fn ids_of_any_type_are_escaped_and_may_be_borrowed() {
    let org = "a:b".to_owned();
    let role = member::role(&org, "n/m".to_owned(), 3);
    assert_eq!(role.key.as_str(), "member:role:a%3Ab:n%2Fm:3");
    assert_eq!(
        role.to_tags().iter().next().unwrap().as_str(),
        "member:a%3Ab:n%2Fm"
    );
    let list = member::list(&org, "x".to_owned());
    assert_eq!(list.key.as_str(), "members:a%3Ab:x");
    assert_eq!(list.to_tags().iter().last().unwrap().as_str(), "org:a:b");
    fn is_static<T: 'static>(value: T) -> T {
        value
    }
    is_static(user::profile(7));
}

#[tokio::test]
async fn both_attributes_use_it() {
    static CALLS: Calls = Calls::new();
    #[cache_read(user::profile(user_id))]
    async fn profile(user_id: u64) -> Result<usize, Opaque> {
        let _ = user_id;
        Ok(CALLS.count())
    }
    #[cache_read(user::avatar(user_id, size), ttl = 5, lock, tags = ["size:{size}", "more"])]
    async fn avatar(user_id: u64, size: u32) -> usize {
        let _ = (user_id, size);
        CALLS.count()
    }
    #[cache_read(member::list(org, name.clone()), skip(trace))]
    async fn members(org: &str, name: String, trace: bool) -> usize {
        let _: (String, bool) = (name, trace);
        CALLS.count() + org.len()
    }
    #[cache_write(user::tag(user_id), recache = [profile(user_id)])]
    async fn update(user_id: u64) -> Result<(), Opaque> {
        let _ = user_id;
        Ok(())
    }
    assert_eq!(profile::key(7).as_str(), "user:profile:7");
    let cache = Cache::memory();
    Caches::single(cache.clone())
        .scope(async {
            assert_eq!(profile(7).await.ok(), Some(1));
            assert_eq!(avatar(7, 64).await, 2);
            assert_eq!(avatar(7, 64).await, 2);
            update(7).await.ok();
            assert_eq!(profile(7).await.ok(), Some(3));
            assert_eq!(avatar(7, 64).await, 4);
            for (at, tag) in ["size:64", "more", "avatars", "user:7"]
                .into_iter()
                .enumerate()
            {
                cache.invalidate_tags([tag]).await.unwrap();
                assert_eq!(avatar(7, 64).await, 5 + at, "{tag}");
            }
            avatar::prime(7, 64, &0).await.unwrap();
            assert_eq!(avatar::peek(7, 64).await.unwrap(), Some(0));
            cache.invalidate_tags(["more"]).await.unwrap();
            assert_eq!(avatar::peek(7, 64).await.unwrap(), None);
        })
        .await;
    with_cache(async {
        let first = members("o", "n".to_owned(), true).await;
        assert_eq!(members("o", "n".to_owned(), false).await, first);
    })
    .await;
}
