//! A load that is overtaken gives its caller a value, and stores nothing: what was loaded before an
//! invalidation is never read after it.

use larder_core::{Cache, Error, Key, Targets};

use crate::gate::Gate;
use crate::{Outcome, Subject};

/// Overtakes a load of the key `user:7` in `namespace`, tagged `users`, by an operation: first with
/// a load that comes after it, then with none.
async fn overtaken(
    cache: &Cache,
    namespace: &'static str,
    mut by: impl AsyncFnMut() -> Result<(), Error>,
) -> Outcome {
    let key = Key::new("user:7").in_namespace(namespace);
    for is_loaded_again in [true, false] {
        cache.delete(&key).await?;
        let before = Gate::new();
        let early = tokio::spawn({
            let (cache, gate) = (cache.clone(), before.clone());
            async move {
                let load = || gate.load("before".to_owned());
                cache
                    .load("user:7", load)
                    .namespace(namespace)
                    .tags(["users"])
                    .await
            }
        });
        before.begun().await;
        by().await?;
        // What ended begins anew, for others.
        let other = cache.load("user:8", || async { 8_u8 }).namespace(namespace);
        assert_eq!(other.tags(["users", "user:7"]).await, 8);
        let mut expected = cache.get::<String>(&key).await?;
        assert_ne!(expected.as_deref(), Some("before"));
        if is_loaded_again {
            // Who comes now does not join the load from before.
            let load = || async { "after".to_owned() };
            let loaded = cache
                .load("user:7", load)
                .namespace(namespace)
                .tags(["users"])
                .await;
            assert_eq!(loaded, expected.unwrap_or_else(|| "after".to_owned()));
            expected = Some(loaded);
        }
        before.open();
        assert_eq!(early.await.expect("it is not cancelled"), "before");
        assert_eq!(cache.get::<String>(&key).await?, expected);
    }
    Ok(())
}

/// The operation in this process, and in another.
macro_rules! overtaken_by {
    ($($check:ident $from_another_process:ident in $namespace:literal: |$by:ident| $operation:expr;)*) => {$(
        pub(crate) async fn $check(s: Subject) -> Outcome {
            let $by = &s.cache;
            overtaken(&s.cache, $namespace, async || $operation.await.map(drop)).await
        }

        pub(crate) async fn $from_another_process(s: Subject) -> Outcome {
            let $by = &s.other;
            overtaken(&s.cache, $namespace, async || $operation.await.map(drop)).await
        }
    )*};
}

overtaken_by! {
    by_an_invalidated_key by_an_invalidated_key_elsewhere
        in "": |by| by.invalidate_key("user:7");
    by_a_deletion by_a_deletion_elsewhere
        in "": |by| by.delete("user:7");
    by_a_deletion_of_many by_a_deletion_of_many_elsewhere
        in "": |by| by.delete_many(["other", "user:7"]);
    by_a_value_taken by_a_value_taken_elsewhere
        in "": |by| by.get_and_delete::<String>("user:7");
    by_a_tag by_a_tag_elsewhere
        in "": |by| by.invalidate_tags(["users"]);
    by_a_tag_of_the_keys_name by_a_tag_of_the_keys_name_elsewhere
        in "": |by| by.invalidate_tags(["user:7"]);
    by_a_namespace by_a_namespace_elsewhere
        in "shop": |by| by.invalidate_namespace("shop");
    by_clear by_clear_elsewhere
        in "": |by| by.clear();
    by_several_targets by_several_targets_elsewhere
        in "shop": |by| async { by.invalidate(Targets::default().tag("users").tag("x")).await; Ok::<_, Error>(()) };
    by_a_set by_a_set_elsewhere
        in "": |by| by.set("user:7", &"set".to_owned()).tags(["users"]);
    by_a_set_of_many by_a_set_of_many_elsewhere
        in "": |by| by.set_many([("user:7", "set".to_owned())]).tags(["users"]);
    by_a_set_if_absent by_a_set_if_absent_elsewhere
        in "": |by| by.set_if_absent("user:7", &"set".to_owned()).tags(["users"]);
}

pub(crate) mod by_reclaiming {
    //! Operations that walk through the store.

    use super::*;

    overtaken_by! {
        by_a_pattern by_a_pattern_elsewhere
            in "": |by| by.delete_by_pattern("user:*");
        by_a_pattern_in_a_namespace by_a_pattern_in_a_namespace_elsewhere
            in "shop": |by| by.delete_by_pattern(larder_core::Pattern::new("*").in_namespace("shop"));
        by_a_reclaimed_namespace by_a_reclaimed_namespace_elsewhere
            in "shop": |by| by.delete_by_namespace("shop");
        by_a_reclaimed_tag by_a_reclaimed_tag_elsewhere
            in "": |by| by.delete_by_tags(["users"]);
    }
}
