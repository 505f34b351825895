//! Files: restarts, crashes in the middle of a write, a limit on the size, hostile folders and keys.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use larder_core::blobs::{Blobs, Name, When};
use larder_core::store::Family;
use larder_core::{Cache, Clock, Pattern, StoreError};
use larder_object::{ConnectError, FileStore};
use larder_testkit::Folder;

const MINUTE: Duration = Duration::from_secs(60);

/// Keys that no file may be called by.
pub(crate) fn hostile_keys() -> Vec<String> {
    [
        "../../etc/passwd",
        "/etc/passwd",
        ".",
        "..",
        "a/b/../c",
        "nul\0byte",
        "line\nfeed",
        "trailing.",
        "trailing ",
        "CON",
        "Case",
        "case",
        "ключ/🗝",
        "%2e%2e%2f",
        "!!",
        "~",
        "key?query#fragment",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["k".repeat(10_000), format!("{}2", "k".repeat(9_999))])
    .collect()
}

async fn open(path: &Path) -> FileStore {
    let store = FileStore::builder(path).connect().await;
    store.expect("it can be used")
}

fn cache(store: FileStore) -> Cache {
    let budget = Duration::from_secs(10);
    Cache::builder().store(store).time_budget(budget).build()
}

/// All files below a folder, sorted by their paths.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it is a folder") {
            let entry = entry.expect("it is read");
            if entry.file_type().expect("it is known").is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn files_of(root: &Path, kind: &str) -> Vec<PathBuf> {
    let is_of = |path: &PathBuf| path.components().any(|part| part.as_os_str() == kind);
    files(root).into_iter().filter(is_of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_that_begin_a_blob_one_does() {
    let folder = Folder::new();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    for round in 0..20 {
        let scope = format!("tag:{round}");
        let begin = |number: u8| {
            let store = if number.is_multiple_of(2) {
                &one
            } else {
                &other
            };
            let name = Name::Generation(&scope);
            async move { store.put(name, &[number], When::Absent, None).await }
        };
        let begun = join_all((0..20).map(begin)).await;
        let winners = begun.iter().filter(|begun| matches!(begun, Ok(true)));
        assert_eq!(winners.count(), 1, "{begun:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_that_change_a_blob_one_does() {
    let folder = Folder::new();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    let name = Name::Slot(":key");
    for _ in 0..20 {
        one.put(name, b"same", When::Anything, None)
            .await
            .expect("it is put");
        let seen = other.get(&[name]).await.expect("it is read").remove(0);
        let version = seen.expect("it is there").version;
        let put = |number| {
            let store = if number % 2 == 0 { &one } else { &other };
            store.put(name, b"same", When::Is(version), None)
        };
        let changed = join_all((0..20).map(put)).await;
        let winners = changed.iter().filter(|changed| matches!(changed, Ok(true)));
        assert_eq!(winners.count(), 1, "{changed:?}");
    }
}

#[tokio::test]
async fn what_was_deleted_is_not_what_was_seen() {
    let folder = Folder::new();
    let store = open(folder.path()).await;
    let name = Name::Slot(":key");
    store
        .put(name, b"one", When::Anything, None)
        .await
        .expect("it is put");
    let seen = store.get(&[name]).await.expect("it is read").remove(0);
    let version = seen.expect("it is there").version;
    store.delete(&[name]).await.expect("it is deleted");
    let put = store.put(name, b"two", When::Is(version), None).await;
    assert!(matches!(put, Ok(false)), "{put:?}");
    store.delete(&[name]).await.expect("it is safe to repeat");
}

#[tokio::test]
async fn what_was_invalidated_before_a_restart_is_not_served_after_it() {
    let folder = Folder::new();
    {
        let cache = cache(open(folder.path()).await);
        for key in ["kept", "by tag", "by key"] {
            let tag = if key == "by tag" { "tag" } else { "other" };
            cache.set(key, &7).tags([tag]).await.expect("it is set");
        }
        cache
            .invalidate_tags(["tag"])
            .await
            .expect("it is invalidated");
        cache
            .invalidate_key("by key")
            .await
            .expect("it is invalidated");
    }
    let cache = cache(open(folder.path()).await);
    let found = |key| cache.get::<i32>(key);
    assert_eq!(found("kept").await.expect("it is read"), Some(7));
    assert_eq!(found("by tag").await.expect("it is read"), None);
    assert_eq!(found("by key").await.expect("it is read"), None);
}

#[tokio::test]
async fn what_another_start_of_the_machine_left_is_not_read_and_is_removed() {
    let folder = Folder::new();
    let before = cache(open(folder.path()).await);
    before.set("key", &7).await.expect("it is set");
    let version = folder.path().join("larder/v1");
    let boot = fs::read_dir(&version).expect("it is there").next();
    let boot = boot.expect("there is one").expect("it is read").path();
    let earlier = version.join("boot-0000000000000000");
    fs::rename(&boot, &earlier).expect("it is moved");

    let store = open(folder.path()).await;
    assert_eq!(
        cache(store.clone())
            .get::<i32>("key")
            .await
            .expect("it is read"),
        None
    );
    store.cleanup_expired().await.expect("it is cleaned up");
    assert!(!earlier.exists() && boot.exists());

    let kept = FileStore::builder(folder.path()).keep_over_reboots(true);
    let kept = kept.connect().await.expect("it can be used");
    cache(kept.clone()).set("key", &8).await.expect("it is set");
    kept.cleanup_expired().await.expect("it is cleaned up");
    assert_eq!(
        cache(kept).get::<i32>("key").await.expect("it is read"),
        Some(8)
    );
}

#[tokio::test]
async fn half_a_file_is_nothing_and_is_replaced() {
    let folder = Folder::new();
    let cache = cache(open(folder.path()).await);
    cache.set("key", &7).tags(["tag"]).await.expect("it is set");
    let whole = [
        files_of(folder.path(), "slots"),
        files_of(folder.path(), "generations"),
    ]
    .concat();
    assert!(whole.len() >= 2);
    for file in whole {
        let bytes = fs::read(&file).expect("it is read");
        for length in [0, 3, 20, 40, 41, 45, bytes.len() - 1] {
            fs::write(&file, &bytes[..length]).expect("it is cut");
            let found = cache.get::<i32>("key").await.expect("it is read");
            assert_eq!(found, None, "{length} bytes of {}", file.display());
        }
        let zeros = vec![0; bytes.len()];
        fs::write(&file, zeros).expect("it is written over");
        assert_eq!(cache.get::<i32>("key").await.expect("it is read"), None);
        assert_eq!(cache.load("key", || async { 8 }).tags(["tag"]).await, 8);
        assert_eq!(cache.get::<i32>("key").await.expect("it is read"), Some(8));
    }
}

#[tokio::test]
async fn a_writer_that_ended_in_the_middle_leaves_nothing_that_stays() {
    let folder = Folder::new();
    let store = open(folder.path()).await;
    let cache = cache(store.clone());
    cache.set("key", &7).await.expect("it is set");
    let drafts = fs::read_dir(folder.path().join("larder/v1"))
        .expect("it is there")
        .next();
    let drafts = drafts
        .expect("there is one")
        .expect("it is read")
        .path()
        .join("drafts");
    for stripe in 0..32 {
        fs::write(drafts.join(format!("{stripe:02}")), vec![7; 100_000]).expect("it is written");
    }
    for number in 0..500 {
        let key = format!("key:{number}");
        cache.set(&key, &number).await.expect("it is set");
        assert_eq!(cache.get(&key).await.expect("it is read"), Some(number));
    }
    assert_eq!(files(&drafts), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_folder_may_be_cleared_while_it_is_used() {
    let folder = Folder::new();
    let path = folder.path().join("cache");
    let (one, other) = (cache(open(&path).await), cache(open(&path).await));
    for round in 0..3 {
        one.set("key", &round)
            .tags(["tag"])
            .await
            .expect("it is set");
        assert_eq!(other.get("key").await.expect("it is read"), Some(round));
        fs::remove_dir_all(&path).expect("it is cleared");
        assert_eq!(other.get::<i32>("key").await.expect("it is read"), None);
        assert_eq!(
            other
                .load("key", || async { 70 + round })
                .tags(["tag"])
                .await,
            70 + round
        );
        assert_eq!(one.get("key").await.expect("it is read"), Some(70 + round));
    }
}

#[tokio::test]
async fn a_key_may_be_anything_and_is_listed_as_it_is() {
    let folder = Folder::new();
    let inside = folder.path().join("inside");
    let store = open(&inside).await;
    let mut keys = hostile_keys();
    for key in &keys {
        let put = store.put(Name::Slot(key), key.as_bytes(), When::Absent, None);
        assert!(put.await.expect("it is put"), "{key:?}");
    }
    let names: Vec<Name<'_>> = keys.iter().map(|key| Name::Slot(key)).collect();
    let found = store.get(&names).await.expect("they are read");
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(found.expect("it is there").bytes, key.as_bytes(), "{key:?}");
    }
    assert_eq!(files(folder.path()), files(&inside), "all of it is inside");
    for about in [1, 2, 7, 100] {
        let (mut listed, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let everywhere = Pattern::everywhere();
            let page = store
                .list(Family::Slots, &everywhere, cursor.as_deref(), about)
                .await;
            let page = page.expect("it is listed");
            listed.extend(page.keys);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        listed.sort();
        keys.sort();
        assert_eq!(listed, keys);
    }
    for cursor in ["", "..", "../../etc/passwd", "zz", "+1"] {
        let everywhere = Pattern::everywhere();
        let page = store
            .list(Family::Slots, &everywhere, Some(cursor), 10)
            .await;
        assert!(matches!(page, Err(StoreError::Cursor { .. })), "{page:?}");
    }
}

#[tokio::test]
async fn links_pipes_and_folders_in_the_place_of_a_file_are_nothing() {
    let folder = Folder::new();
    let secret = folder.path().join("secret");
    fs::write(&secret, b"secret").expect("it is written");
    let inside = folder.path().join("inside");
    let cache = cache(open(&inside).await);
    cache.set("key", &7).await.expect("it is set");
    let file = files_of(&inside, "slots").remove(0);
    let put_in_place: [(&str, &dyn Fn()); 4] = [
        ("a link out of the folder", &|| {
            symlink(&secret, &file).expect("it is linked")
        }),
        ("a link to nowhere", &|| {
            symlink("nowhere", &file).expect("it is linked")
        }),
        ("a link to itself", &|| {
            symlink(&file, &file).expect("it is linked")
        }),
        ("a pipe", &|| {
            let made = std::process::Command::new("mkfifo").arg(&file).status();
            assert!(made.expect("it is made").success());
        }),
    ];
    for (what, put) in put_in_place {
        fs::remove_file(&file).expect("it is removed");
        put();
        assert_eq!(cache.get::<i32>("key").await.expect(what), None, "{what}");
        assert_eq!(cache.load("key", || async { 8 }).await, 8, "{what}");
        assert_eq!(
            cache.get::<i32>("key").await.expect(what),
            Some(8),
            "{what}"
        );
    }
    assert_eq!(fs::read(&secret).expect("it is there"), b"secret");

    fs::remove_file(&file).expect("it is removed");
    fs::create_dir(&file).expect("it is made");
    assert_eq!(cache.get::<i32>("key").await.expect("it is read"), None);
    assert_eq!(
        cache.load("key", || async { 8 }).await,
        8,
        "it cannot be stored"
    );
    cache
        .invalidate_key("key")
        .await
        .expect("there is nothing to delete");

    // A branch that leads out of the folder is not followed either.
    let branch = file.parent().expect("it is in a branch");
    fs::remove_dir_all(branch).expect("it is removed");
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).expect("it is made");
    symlink(&outside, branch).expect("it is linked");
    assert_eq!(cache.load("key", || async { 9 }).await, 9);
    assert_eq!(files(&outside), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn what_is_too_large_is_neither_written_nor_read() {
    let folder = Folder::new();
    let store = FileStore::builder(folder.path())
        .max_entry_size(1_000)
        .connect()
        .await;
    let store = store.expect("it can be used");
    let name = Name::Slot(":key");
    let put = store.put(name, &[7; 1_001], When::Anything, None).await;
    assert!(
        matches!(
            put,
            Err(StoreError::TooLarge {
                size: 1_001,
                limit: 1_000,
                ..
            })
        ),
        "{put:?}"
    );
    assert!(
        store
            .put(name, &[7; 1_000], When::Absent, None)
            .await
            .expect("it is put")
    );
    let file = files_of(folder.path(), "slots").remove(0);
    let file = fs::File::options()
        .write(true)
        .open(file)
        .expect("it is there");
    file.set_len(1 << 40).expect("it grows");
    let found = store.get(&[name]).await.expect("it is read").remove(0);
    assert_eq!(found.expect("something is there").bytes, b"");
}

#[tokio::test]
async fn with_a_limit_the_oldest_entries_go_first() {
    const KIB: u64 = 1_024;
    let folder = Folder::new();
    let limited = || FileStore::builder(folder.path()).max_size(400 * KIB);
    let store = limited().connect().await.expect("it can be used");
    store
        .put(Name::Generation("tag"), &[7; 16], When::Absent, None)
        .await
        .expect("it is put");
    let size = || -> u64 {
        let slots = files_of(folder.path(), "slots");
        let size = |path: &PathBuf| path.metadata().expect("it is there").len();
        slots
            .iter()
            .map(|path| size(path).next_multiple_of(4 * KIB))
            .sum()
    };
    let put = async |store: &FileStore, number: usize| {
        let key = format!("key:{number:03}");
        let put = store
            .put(Name::Slot(&key), &[7; 10_000], When::Anything, None)
            .await;
        put.expect("it is put");
        // Disks tell times in steps: say that this one came after those before.
        let file = newest(files_of(folder.path(), "slots"));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + number as u64);
        let file = fs::File::options()
            .write(true)
            .open(file)
            .expect("it is there");
        file.set_modified(at).expect("it is stamped");
    };
    for number in 0..100 {
        put(&store, number).await;
        assert!(size() <= 400 * KIB, "{} KiB", size() / KIB);
    }
    let store = limited().connect().await.expect("it can be used again");
    for number in 100..110 {
        put(&store, number).await;
        assert!(size() <= 400 * KIB, "{} KiB", size() / KIB);
    }
    let page = store
        .list(Family::Slots, &Pattern::everywhere(), None, 1_000)
        .await;
    let mut keys = page.expect("it is listed").keys;
    keys.sort();
    let expected: Vec<String> = (110 - keys.len()..110)
        .map(|number| format!("key:{number:03}"))
        .collect();
    assert_eq!(keys, expected, "the newest are left");
    assert!(keys.len() >= 25);
    let tag = store
        .get(&[Name::Generation("tag")])
        .await
        .expect("it is read");
    assert!(tag[0].is_some(), "generations stay");
    let put = store
        .put(Name::Slot("large"), &[7; 300_000], When::Anything, None)
        .await;
    assert!(matches!(put, Err(StoreError::TooLarge { .. })), "{put:?}");
}

fn newest(files: Vec<PathBuf>) -> PathBuf {
    let written_at = |path: &PathBuf| {
        let metadata = path.metadata().expect("it is there");
        metadata.modified().expect("the disk tells times")
    };
    files
        .into_iter()
        .max_by_key(written_at)
        .expect("there is one")
}

#[tokio::test]
async fn what_has_ended_is_cleaned_up_and_nothing_else() {
    let folder = Folder::new();
    let clock = Clock::hand_wound();
    let store = FileStore::builder(folder.path())
        .clock(clock.clone())
        .connect()
        .await;
    let store = store.expect("it can be used");
    let long = "k".repeat(10_000);
    for (name, ttl) in [
        (Name::Slot(":short"), Some(MINUTE)),
        (Name::Slot(&long), Some(MINUTE)),
        (Name::Slot(":long"), Some(MINUTE * 3)),
        (Name::Slot(":forever"), None),
        (Name::Generation("short"), Some(MINUTE)),
        (Name::Generation("forever"), None),
    ] {
        assert!(
            store
                .put(name, &[7; 100], When::Absent, ttl)
                .await
                .expect("it is put")
        );
    }
    assert_eq!(store.cleanup_expired().await.expect("it can be used"), 0);
    clock.advance(MINUTE * 2);
    assert_eq!(store.cleanup_expired().await.expect("it can be used"), 3);
    let names = [
        Name::Slot(":long"),
        Name::Slot(":forever"),
        Name::Generation("forever"),
    ];
    let left: Vec<_> = store.get(&names).await.expect("they are read");
    let left: Vec<_> = left
        .into_iter()
        .map(|blob| blob.expect("it is there").left)
        .collect();
    assert_eq!(left, [Some(MINUTE), None, None]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_one_is_said_at_the_start() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("it is written");
    let error = FileStore::builder(&file)
        .connect()
        .await
        .expect_err("it is a file");
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    let degraded = FileStore::builder(&file)
        .start_degraded(true)
        .connect()
        .await;
    let degraded = cache(degraded.expect("it may start without"));
    assert_eq!(degraded.load("key", || async { 8 }).await, 8);
    fs::remove_file(&file).expect("it is removed");
    degraded.set("key", &9).await.expect("it can be used now");
}
