//! Entries by the page.

use std::collections::BTreeSet;
use std::time::Duration;

use larder_core::{Cache, Cursor, Key, Pattern};

use crate::{Failure, Outcome, Subject};

/// All pages of this size.
async fn pages(
    cache: &Cache,
    pattern: impl Into<Pattern>,
    size: usize,
) -> Result<Vec<Vec<(String, u32)>>, Failure> {
    let pattern = pattern.into();
    let (mut pages, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = cache.entries::<u32>(&pattern, after.as_ref(), size).await?;
        assert!(
            page.entries.len() <= size,
            "{} of {size}",
            page.entries.len()
        );
        let entries = page.entries.into_iter();
        pages.push(
            entries
                .map(|entry| (entry.key.full().to_owned(), entry.value))
                .collect(),
        );
        after = page.next;
        if after.is_none() {
            return Ok(pages);
        }
    }
}

async fn paged(
    cache: &Cache,
    pattern: impl Into<Pattern>,
    size: usize,
) -> Result<Vec<(String, u32)>, Failure> {
    let mut entries = pages(cache, pattern, size).await?.concat();
    entries.sort();
    Ok(entries)
}

/// Stores so many entries, and gives them, sorted.
async fn stored(s: &Subject, count: u32) -> Result<Vec<(String, u32)>, Failure> {
    let mut entries: Vec<_> = (0..count)
        .map(|number| (format!("key:{number}"), number))
        .collect();
    s.cache
        .set_many(entries.iter().map(|(key, number)| (key, *number)))
        .await?;
    entries.sort();
    Ok(entries)
}

pub(crate) async fn an_empty_cache_has_an_empty_page(s: Subject) -> Outcome {
    let page = s.cache.entries::<u32>("*", None, 10).await?;
    assert!(page.entries.is_empty());
    assert!(page.next.is_none());
    Ok(())
}

pub(crate) async fn pages_of_every_size_hold_every_entry_once(s: Subject) -> Outcome {
    let entries = stored(&s, 23).await?;
    for size in [1, 2, 7, 22, 23, 24, 1_000] {
        assert_eq!(
            paged(&s.other, "*", size).await?,
            entries,
            "pages of {size}"
        );
    }
    Ok(())
}

pub(crate) async fn many_pages_hold_many_entries(s: Subject) -> Outcome {
    let entries = stored(&s, 1_200).await?;
    assert_eq!(paged(&s.other, "key:*", 100).await?, entries);
    Ok(())
}

pub(crate) async fn the_last_page_has_no_cursor(s: Subject) -> Outcome {
    stored(&s, 10).await?;
    let page = s.cache.entries::<u32>("*", None, 1_000).await?;
    assert_eq!(page.entries.len(), 10);
    assert!(page.next.is_none());
    Ok(())
}

pub(crate) async fn a_page_is_of_its_pattern(s: Subject) -> Outcome {
    stored(&s, 30).await?;
    s.cache.set("key:1", &1_u32).namespace("space").await?;
    assert_eq!(paged(&s.cache, "key:1?", 3).await?.len(), 10);
    let inside = paged(&s.cache, Pattern::new("*").in_namespace("space"), 3).await?;
    assert_eq!(inside, [("space:key:1".to_owned(), 1)]);
    Ok(())
}

pub(crate) async fn a_page_leaves_out_what_is_not_usable(s: Subject) -> Outcome {
    s.cache
        .set("expired", &1_u32)
        .ttl(Duration::from_secs(60))
        .await?;
    s.clock.advance(Duration::from_secs(60));
    s.cache.set("invalid", &2_u32).tags(["tag"]).await?;
    s.other.invalidate_tags(["tag"]).await?;
    s.cache.set("good", &3_u32).await?;
    assert_eq!(paged(&s.cache, "*", 10).await?, [("good".to_owned(), 3)]);
    Ok(())
}

pub(crate) async fn a_page_leaves_out_values_of_other_types(s: Subject) -> Outcome {
    s.cache.set("number", &1_u32).await?;
    s.cache.set("text", &"text".to_owned()).await?;
    s.cache.set("smaller", &1_u8).await?;
    assert_eq!(paged(&s.cache, "*", 1).await?, [("number".to_owned(), 1)]);
    Ok(())
}

pub(crate) async fn a_page_brings_whole_entries(s: Subject) -> Outcome {
    let minute = Duration::from_secs(60);
    s.cache
        .set("key", &7_u32)
        .ttl(minute)
        .tags(["tag"])
        .namespace("space")
        .await?;
    let page = s
        .other
        .entries::<u32>(Pattern::new("*").in_namespace("space"), None, 10)
        .await?;
    let [entry] = &page.entries[..] else {
        panic!("{} entries", page.entries.len());
    };
    assert_eq!(entry.key, Key::new("key").in_namespace("space"));
    assert_eq!(entry.value, 7);
    assert_eq!(
        entry
            .tags
            .iter()
            .map(larder_core::Tag::as_str)
            .collect::<Vec<_>>(),
        ["tag"]
    );
    let lives = entry
        .expires_at
        .expect("it expires")
        .duration_since(entry.created_at)?;
    assert!(
        lives.abs_diff(minute) <= Duration::from_millis(1),
        "{lives:?}"
    );
    Ok(())
}

pub(crate) async fn a_cursor_goes_through_text(s: Subject) -> Outcome {
    let entries = stored(&s, 50).await?;
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let cursor = after.map(|text| text.parse::<Cursor>()).transpose()?;
        let page = s.other.entries::<u32>("*", cursor.as_ref(), 7).await?;
        found.extend(
            page.entries
                .into_iter()
                .map(|entry| (entry.key.full().to_owned(), entry.value)),
        );
        after = page.next.map(|cursor| cursor.to_string());
        if after.is_none() {
            break;
        }
    }
    found.sort();
    assert_eq!(found, entries);
    Ok(())
}

pub(crate) async fn a_cursor_goes_through_json(s: Subject) -> Outcome {
    let entries = stored(&s, 20).await?;
    let page = s.cache.entries::<u32>("*", None, 7).await?;
    let json = serde_json::to_string(&page.next)?;
    let after: Option<Cursor> = serde_json::from_str(&json)?;
    let mut found: BTreeSet<u32> = page.entries.iter().map(|entry| entry.value).collect();
    let rest = s.cache.entries::<u32>("*", after.as_ref(), 1_000).await?;
    found.extend(rest.entries.iter().map(|entry| entry.value));
    assert_eq!(found.len(), entries.len());
    Ok(())
}

pub(crate) async fn a_cursor_that_nobody_gave_is_an_error(s: Subject) -> Outcome {
    stored(&s, 20).await?;
    let page = s.cache.entries::<u32>("*", None, 7).await?;
    let given = page.next.expect("there is more").to_string();
    let cut: String = given.chars().skip(1).collect();
    let forgeries = [
        String::new(),
        "0".to_owned(),
        "key:7".to_owned(),
        "../../etc/passwd".to_owned(),
        "\0\r\nFLUSHALL\r\n".to_owned(),
        "語".to_owned(),
        "a".repeat(100_000),
        cut,
        format!("{given}0"),
        format!("{given}{given}"),
    ];
    for text in forgeries {
        let Ok(cursor) = text.parse::<Cursor>() else {
            continue;
        };
        let page = s.cache.entries::<u32>("*", Some(&cursor), 7).await;
        assert!(page.is_err(), "{text:?}");
    }
    assert_eq!(
        s.cache.count("*").await?,
        20,
        "nothing happened to the entries"
    );
    Ok(())
}

pub(crate) async fn a_cursor_leads_nowhere_that_its_pattern_does_not(s: Subject) -> Outcome {
    // Who gets a cursor from a web page must not read by it what the page does not show.
    stored(&s, 40).await?;
    s.cache
        .set_many((0..40).map(|number| (format!("key:{number}"), 1_u32)))
        .namespace("space")
        .await?;
    let cursor = s
        .cache
        .entries::<u32>("*", None, 7)
        .await?
        .next
        .expect("there is more");
    for (pattern, is_shown) in [
        (Pattern::new("key:3*"), Key::new("key:3")),
        (
            Pattern::new("*").in_namespace("space"),
            Key::new("key:3").in_namespace("space"),
        ),
    ] {
        let mut after = Some(cursor.clone());
        while let Some(cursor) = after {
            // A store may also refuse the cursor altogether.
            let Ok(page) = s.cache.entries::<u32>(&pattern, Some(&cursor), 7).await else {
                break;
            };
            for entry in page.entries {
                assert_eq!(entry.key.namespace(), is_shown.namespace());
                assert!(
                    pattern.matches(&entry.key),
                    "`{pattern}` shows {:?}",
                    entry.key
                );
            }
            after = page.next;
        }
    }
    Ok(())
}

pub(crate) async fn what_is_there_all_the_time_is_in_a_page(s: Subject) -> Outcome {
    let entries = stored(&s, 100).await?;
    let (mut found, mut after, mut turn) = (BTreeSet::new(), None::<Cursor>, 0_u32);
    loop {
        let page = s.cache.entries::<u32>("*", after.as_ref(), 10).await?;
        assert!(page.entries.len() <= 10);
        found.extend(
            page.entries
                .into_iter()
                .map(|entry| (entry.key.full().to_owned(), entry.value)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
        // Meanwhile others come and go.
        let coming = (0..20).map(|number| (format!("coming:{turn}:{number}"), 0_u32));
        s.other.set_many(coming).await?;
        if let Some(last) = turn.checked_sub(1) {
            s.other
                .delete_many((0..20).map(|number| format!("coming:{last}:{number}")))
                .await?;
        }
        turn += 1;
        assert!(turn < 1_000, "the pages end");
    }
    assert!(entries.iter().all(|entry| found.contains(entry)));
    Ok(())
}

pub(crate) async fn a_page_whose_entries_are_gone_does_not_end_the_rest(s: Subject) -> Outcome {
    stored(&s, 60).await?;
    let first = s.cache.entries::<u32>("*", None, 10).await?;
    let seen: BTreeSet<u32> = first.entries.iter().map(|entry| entry.value).collect();
    let gone = (0..60).filter(|number| number % 2 == 0 && !seen.contains(number));
    s.other
        .delete_many(gone.map(|number| format!("key:{number}")))
        .await?;
    let (mut found, mut after) = (seen.clone(), first.next);
    while let Some(cursor) = after {
        let page = s.cache.entries::<u32>("*", Some(&cursor), 10).await?;
        found.extend(page.entries.iter().map(|entry| entry.value));
        after = page.next;
    }
    let expected = (0..60).filter(|number| number % 2 == 1 || seen.contains(number));
    assert!(found.into_iter().eq(expected));
    Ok(())
}
