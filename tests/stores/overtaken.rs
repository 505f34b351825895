//! A load that an invalidation overtakes is neither served to later readers nor stored; and a caller
//! that comes after it does not join the flight that began before it.

use std::sync::Arc;

use larder::{Cache, Key};
use tokio::sync::Semaphore;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    by_key
    by_deletion
    by_tag
    by_the_key_as_its_own_tag
    by_the_key_as_its_own_tag_in_a_namespace
    by_namespace
    by_clear
    by_set
    by_key_from_another_process
    by_deletion_from_another_process
    by_tag_from_another_process
    by_the_key_as_its_own_tag_from_another_process
    by_namespace_from_another_process
    by_clear_from_another_process
    by_set_from_another_process
}

/// What overtakes the load.
#[derive(Clone, Copy)]
enum Overtaking {
    Key,
    Deletion,
    Tag,
    OwnTag,
    Namespace,
    Clear,
    Set,
}

async fn by_key(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::Key, None).await;
}

async fn by_deletion(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::Deletion, None).await;
}

async fn by_tag(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::Tag, None).await;
}

async fn by_the_key_as_its_own_tag(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::OwnTag, None).await;
}

async fn by_the_key_as_its_own_tag_in_a_namespace(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::OwnTag, Some("shop")).await;
}

async fn by_namespace(stage: Stage) {
    overtaken(
        &stage.cache,
        &stage.cache,
        Overtaking::Namespace,
        Some("shop"),
    )
    .await;
}

async fn by_clear(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::Clear, None).await;
}

async fn by_set(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, Overtaking::Set, None).await;
}

async fn by_key_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::Key, None).await;
}

async fn by_deletion_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::Deletion, None).await;
}

async fn by_tag_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::Tag, None).await;
}

async fn by_the_key_as_its_own_tag_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::OwnTag, None).await;
}

async fn by_namespace_from_another_process(stage: Stage) {
    overtaken(
        &stage.cache,
        &stage.other,
        Overtaking::Namespace,
        Some("shop"),
    )
    .await;
}

async fn by_clear_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::Clear, None).await;
}

async fn by_set_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, Overtaking::Set, None).await;
}

fn key(namespace: Option<&str>) -> Key {
    match namespace {
        Some(namespace) => Key::new("user:7").in_namespace(namespace),
        None => Key::new("user:7"),
    }
}

async fn overtake(cache: &Cache, overtaking: Overtaking, namespace: Option<&str>) {
    match overtaking {
        Overtaking::Key => {
            cache
                .invalidate_key(key(namespace))
                .await
                .expect("it is carried out");
        }
        Overtaking::Deletion => {
            cache
                .delete(key(namespace))
                .await
                .expect("it is carried out");
        }
        Overtaking::Tag => {
            cache
                .invalidate_tags(["users"])
                .await
                .expect("it is carried out");
        }
        Overtaking::OwnTag => {
            cache
                .invalidate_tags(["user:7"])
                .await
                .expect("it is carried out");
        }
        Overtaking::Namespace => {
            cache
                .invalidate_namespace("shop")
                .await
                .expect("it is carried out");
        }
        Overtaking::Clear => {
            cache.clear().await.expect("it is carried out");
        }
        Overtaking::Set => {
            cache
                .set(key(namespace), &"set".to_owned())
                .await
                .expect("it is carried out");
        }
    }
}

/// A value that loads when it is told to.
struct Gate {
    begun: Semaphore,
    open: Semaphore,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Semaphore::new(0),
            open: Semaphore::new(0),
        })
    }

    async fn load(&self, value: &str) -> String {
        self.begun.add_permits(1);
        self.open.acquire().await.expect("it stays open").forget();
        value.to_owned()
    }
}

async fn load(
    cache: &Cache,
    overtaking: Overtaking,
    namespace: Option<&str>,
    gate: &Gate,
    value: &str,
) -> String {
    let load = cache.load(key(namespace), || gate.load(value));
    match overtaking {
        Overtaking::Tag => load.tags(["users"]).await,
        _ => load.await,
    }
}

async fn overtaken(
    cache: &Cache,
    by: &Cache,
    overtaking: Overtaking,
    namespace: Option<&'static str>,
) {
    let before = Gate::new();
    let early = tokio::spawn({
        let (cache, gate) = (cache.clone(), Arc::clone(&before));
        async move { load(&cache, overtaking, namespace, &gate, "before").await }
    });
    before
        .begun
        .acquire()
        .await
        .expect("the load begins")
        .forget();

    overtake(by, overtaking, namespace).await;

    // A caller that comes now gets what is loaded (or was set) from now on, although the flight from
    // before is still under way.
    let after = Gate::new();
    after.open.add_permits(1);
    let expected = if matches!(overtaking, Overtaking::Set) {
        "set"
    } else {
        "after"
    };
    assert_eq!(
        load(cache, overtaking, namespace, &after, "after").await,
        expected
    );

    // The caller from before gets its value, but it is not stored over the new one.
    before.open.add_permits(1);
    assert_eq!(early.await.expect("it is not cancelled"), "before");
    assert_eq!(
        cache
            .get::<String>(key(namespace))
            .await
            .expect("it answers")
            .as_deref(),
        Some(expected)
    );
    assert_eq!(
        by.get::<String>(key(namespace))
            .await
            .expect("it answers")
            .as_deref(),
        Some(expected)
    );

    // And if nobody loads in between, it is not stored at all.
    overtake(by, overtaking, namespace).await;
    by.invalidate_key(key(namespace))
        .await
        .expect("it is carried out");
    let before = Gate::new();
    let early = tokio::spawn({
        let (cache, gate) = (cache.clone(), Arc::clone(&before));
        async move { load(&cache, overtaking, namespace, &gate, "before").await }
    });
    before
        .begun
        .acquire()
        .await
        .expect("the load begins")
        .forget();
    overtake(by, overtaking, namespace).await;
    before.open.add_permits(1);
    assert_eq!(early.await.expect("it is not cancelled"), "before");
    let stored = cache
        .get::<String>(key(namespace))
        .await
        .expect("it answers");
    assert_eq!(
        stored.as_deref(),
        matches!(overtaking, Overtaking::Set).then_some("set")
    );
}
