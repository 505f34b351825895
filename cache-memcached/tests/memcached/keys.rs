//! Keys and tags that memcached does not take as they are.

use larder_core::{Invalidation, Key};

use crate::stage::{Stage, in_time};

/// Too long by one, much too long, and with what would end a key or a command.
fn odd_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "with space",
        "with\ttab",
        "a\r\nflush_all",
        "a 0 0 1\r\nx\r\nflush_all\r\n",
        "nul\0",
        "\u{7f}",
        "é",
        "界",
        "#all",
        "~",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.extend([200, 235, 236, 237, 240, 250, 251, 5_000].map(|len| "k".repeat(len)));
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_holds_its_own_value() {
    in_time(async {
        let Stage { cache, other, .. } = &Stage::start().await;
        for (number, text) in odd_texts().iter().enumerate() {
            cache.set(text, &number).await.expect("it is stored");
            let inside = Key::new(text).in_namespace(format!("in {text}"));
            cache
                .set(inside, &(number + 100))
                .await
                .expect("it is stored");
        }
        for (number, text) in odd_texts().iter().enumerate() {
            let inside = Key::new(text).in_namespace(format!("in {text}"));
            for process in [cache, other] {
                assert_eq!(process.get(text).await.expect("it answers"), Some(number));
                let value = process.get(&inside).await.expect("it answers");
                assert_eq!(value, Some(number + 100));
            }
        }
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_invalidates_its_own_entries() {
    in_time(async {
        let Stage { cache, other, .. } = &Stage::start().await;
        for (number, text) in odd_texts().iter().enumerate() {
            let set = cache.set(format!("entry:{number}"), &number).tags([text]);
            set.await.expect("it is stored");
        }
        for (number, text) in odd_texts().iter().enumerate() {
            let get = async || {
                let entry = other.get::<usize>(format!("entry:{number}")).await;
                entry.expect("it answers")
            };
            assert_eq!(get().await, Some(number), "no other tag reached it");
            let done = cache.invalidate_tags([text]).await.expect("it is taken");
            assert_eq!(done, Invalidation::Done);
            assert_eq!(get().await, None, "{text:?}");
        }
    })
    .await;
}
