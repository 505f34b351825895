//! A value of another type, or of a type that has changed, is a miss and never a wrong value.

use serde::{Deserialize, Serialize};

use crate::{Outcome, Subject};

macro_rules! versions {
    ($($version:ident { $($field:ident: $type:ty = $value:expr),* $(,)? })*) => {$(
        mod $version {
            use super::*;
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            pub(super) struct User { $(pub(super) $field: $type),* }
            pub(super) fn user() -> User { User { $($field: $value),* } }
        }
    )*};
}

versions! {
    stored { id: u32 = 7, age: u32 = 36 }
    gained { id: u32 = 7, age: u32 = 36, rank: Option<u8> = None }
    lost { id: u32 = 7 }
    renamed { id: u32 = 7, years: u32 = 36 }
    retyped { id: u32 = 7, age: i32 = 36 }
    reordered { age: u32 = 36, id: u32 = 7 }
}

/// Sets the stored version, reads another one, and puts that in its place.
macro_rules! is_a_miss {
    ($s:ident, $version:ident) => {{
        $s.cache.set("user", &stored::user()).await?;
        assert_eq!($s.cache.get::<$version::User>("user").await?, None);
        assert_eq!($s.other.get::<$version::User>("user").await?, None);
        let loaded = $s.cache.load("user", || async { $version::user() }).await;
        assert_eq!(loaded, $version::user());
        assert_eq!($s.other.get("user").await?, Some(loaded));
        Ok(())
    }};
}

pub(crate) async fn a_value_of_another_type_is_a_miss(s: Subject) -> Outcome {
    s.cache.set("key", &7_u32).await?;
    assert_eq!(s.cache.get::<i32>("key").await?, None);
    assert_eq!(s.cache.get::<u64>("key").await?, None);
    assert_eq!(s.cache.get::<String>("key").await?, None);
    assert_eq!(s.cache.get::<Option<u32>>("key").await?, None);
    assert_eq!(s.cache.get::<u32>("key").await?, Some(7));
    Ok(())
}

pub(crate) async fn an_entry_of_another_type_exists(s: Subject) -> Outcome {
    s.cache.set("key", &7_u32).await?;
    assert_eq!(s.cache.get::<String>("key").await?, None);
    assert!(s.cache.exists("key").await?);
    Ok(())
}

pub(crate) async fn the_same_type_is_a_hit(s: Subject) -> Outcome {
    s.cache.set("user", &stored::user()).await?;
    assert_eq!(s.other.get("user").await?, Some(stored::user()));
    Ok(())
}

pub(crate) async fn a_struct_that_gained_a_field_is_a_miss(s: Subject) -> Outcome {
    is_a_miss!(s, gained)
}

pub(crate) async fn a_struct_that_lost_a_field_is_a_miss(s: Subject) -> Outcome {
    is_a_miss!(s, lost)
}

pub(crate) async fn a_struct_with_a_renamed_field_is_a_miss(s: Subject) -> Outcome {
    is_a_miss!(s, renamed)
}

pub(crate) async fn a_struct_with_a_retyped_field_is_a_miss(s: Subject) -> Outcome {
    is_a_miss!(s, retyped)
}

pub(crate) async fn a_struct_with_reordered_fields_is_a_miss(s: Subject) -> Outcome {
    is_a_miss!(s, reordered)
}

pub(crate) async fn an_enum_that_gained_a_variant_in_front_is_a_miss(s: Subject) -> Outcome {
    mod old {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) enum State {
            Open,
            Closed,
        }
    }
    mod new {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub(super) enum State {
            Draft,
            Open,
            Closed,
        }
    }
    for state in [old::State::Open, old::State::Closed] {
        s.cache.set("state", &state).await?;
        assert_eq!(s.cache.get::<new::State>("state").await?, None);
    }
    for state in [new::State::Draft, new::State::Open, new::State::Closed] {
        s.cache.set("state", &state).await?;
        assert_eq!(s.cache.get("state").await?, Some(state));
    }
    Ok(())
}
