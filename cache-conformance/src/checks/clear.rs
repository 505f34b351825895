//! Clearing reaches everything.

use larder_core::Key;

use crate::{Outcome, Subject};

pub(crate) async fn clear_reaches_everything(s: Subject) -> Outcome {
    s.cache.set("plain", &1_u8).await?;
    s.cache.set("tagged", &2_u8).tags(["tag"]).await?;
    s.cache.set("inside", &3_u8).namespace("space").await?;
    s.cache
        .set("forever", &4_u8)
        .ttl(larder_core::Ttl::Never)
        .await?;
    s.other.clear().await?;
    for key in ["plain", "tagged", "forever"] {
        assert!(!s.cache.exists(key).await?, "{key}");
        assert!(!s.other.exists(key).await?, "{key}");
    }
    assert!(
        !s.cache
            .exists(Key::new("inside").in_namespace("space"))
            .await?
    );
    Ok(())
}

pub(crate) async fn a_cleared_cache_can_be_used(s: Subject) -> Outcome {
    for number in 0..3_u8 {
        s.cache.set("key", &number).tags(["tag"]).await?;
        assert_eq!(s.other.get("key").await?, Some(number));
        s.other.clear().await?;
        assert_eq!(s.cache.get::<u8>("key").await?, None);
    }
    Ok(())
}

pub(crate) async fn an_empty_cache_can_be_cleared(s: Subject) -> Outcome {
    s.cache.clear().await?;
    s.other.clear().await?;
    assert!(!s.cache.exists("key").await?);
    Ok(())
}
