//! Arguments and functions under `#[cfg(..)]`.

use larder::{cache_read, cache_write};

use crate::with_cache;

#[tokio::test]
async fn an_argument_that_is_configured_away_is_not_there() {
    #[cache_read(key = "k:{id}", skip(away, kept))]
    async fn load(id: u64, #[cfg(not(test))] away: &str, #[cfg(test)] kept: u64) -> u64 {
        #[cfg(not(test))]
        let id = id + away.len() as u64;
        id + kept
    }
    #[cache_read(skip(away))]
    async fn hashed(#[cfg(not(test))] away: &str, id: u64) -> u64 {
        id
    }
    #[cache_write(tags = ["k:{id}"], recache = [load(id, kept)])]
    async fn store(
        #[cfg(test)] id: u64,
        #[cfg(not(test))] id: u64,
        #[cfg(any())] away: Missing,
        kept: u64,
    ) {
        let _ = (id, kept);
    }
    with_cache(async {
        assert_eq!(load(1, 1).await, 2);
        assert_eq!(load(1, 5).await, 2);
        assert_eq!(load::peek(1).await.unwrap(), Some(2));
        assert_eq!(hashed(3).await, 3);
        assert_eq!(hashed::peek(3).await.unwrap(), Some(3));
        store(1, 7).await;
        assert_eq!(load::peek(1).await.unwrap(), Some(8), "recached");
    })
    .await;
}

#[tokio::test]
async fn an_argument_that_is_there_can_be_part_of_the_key() {
    #[cache_read(key = "k:{id}:{kept}")]
    async fn load(id: u64, #[cfg(test)] kept: u64) -> u64 {
        id + kept
    }
    with_cache(async {
        assert_eq!((load(1, 1).await, load(1, 2).await), (2, 3));
    })
    .await;
}

#[tokio::test]
async fn attributes_of_arguments_stay_also_under_conditions() {
    #[cache_read(key = "k", skip(away, unused))]
    #[deny(unused_variables)]
    async fn load(
        #[cfg_attr(test, allow(unused_variables))] unused: u64,
        #[cfg_attr(not(test), cfg(test))]
        #[allow(unused_variables)]
        away: u64,
    ) -> u64 {
        1
    }
    with_cache(async { assert_eq!(load(1, 2).await, 1) }).await;
}

struct Shop;

impl Shop {
    #[cache_read(key = "shop:{id}", skip(self, away))]
    async fn price(&self, id: u64, #[cfg(not(test))] away: u64) -> u64 {
        id
    }
}

#[tokio::test]
async fn methods_have_conditional_arguments_too() {
    with_cache(async { assert_eq!(Shop.price(3).await, 3) }).await;
}

#[cfg(test)]
#[cache_read(key = "present:{id}")]
async fn present(id: u64) -> u64 {
    id
}

#[cache_read(key = "absent:{id}")]
#[cfg(not(test))]
async fn present(id: Missing) -> u64 {
    id
}

#[tokio::test]
async fn a_function_that_is_configured_away_takes_its_companion_along() {
    with_cache(async {
        assert_eq!(present(1).await, 1);
        assert_eq!(present::peek(1).await.unwrap(), Some(1));
    })
    .await;
}
