//! What cannot be seen before a call makes no finding, and is told.

use larder::{Finding, Graph, Report};

fn report(module: &str) -> Report {
    Graph::of_program().within(module).check()
}

fn unseen(report: &Report) -> Vec<&'static str> {
    report.unseen().iter().map(|unseen| unseen.code).collect()
}

mod a_write_that_may_invalidate_anything {
    use super::{Finding, report, unseen};
    use larder::{cache_read, cache_write};

    #[cache_read(key = "user:{id}", tags = ["users"])]
    async fn user(id: u64) -> String {
        id.to_string()
    }

    #[cache_read(key = "s:{id}", tags = ["sessions"], cache = "sessions")]
    async fn session(id: u64) -> String {
        id.to_string()
    }

    #[allow(dead_code)]
    fn tags_of(id: &u64) -> [String; 1] {
        [format!("user:{id}")]
    }

    #[cache_write(tags = tags_of)]
    async fn rename(id: u64) {
        let _ = id;
    }

    #[test]
    fn hides_what_is_in_its_own_cache() {
        let report = report(module_path!());
        assert_eq!(unseen(&report), ["tags_of"]);
        let tag = |findings: &[Finding]| match findings {
            [Finding::UninvalidatedTag { tag, .. }] => tag.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(tag(report.findings()), "sessions");
        assert_eq!(tag(report.possible()), "users");
    }
}

mod a_read_that_may_carry_anything {
    use super::{Finding, report, unseen};
    use larder::{Key, Tag, cache_read, cache_write, resource};

    resource! {
        pub(super) user(id: u64) {
            profile;
        }
    }

    use user as renamed;

    #[cache_read(renamed::profile(id))]
    async fn profile(id: u64) -> String {
        id.to_string()
    }

    #[cache_read(key = "name:{id}", tags = [Tag::new("names"), format!("name:{id}")])]
    async fn name(id: u64) -> String {
        id.to_string()
    }

    #[cache_read(key = Key::new(path))]
    async fn file(path: &str) -> usize {
        path.len()
    }

    #[cache_write(tags = ["names"], keys = ["file"])]
    async fn rename() {}

    #[test]
    fn hides_what_nobody_seems_to_carry() {
        let report = report(module_path!());
        assert_eq!(report.findings(), []);
        assert_eq!(
            unseen(&report),
            [
                "Key::new(..)",
                "Tag::new(..)",
                "format!(..)",
                "renamed::profile(..)"
            ]
        );
        assert!(matches!(
            report.possible(),
            [
                Finding::UnreadTag { .. },
                Finding::UnreadKey { .. },
                Finding::UnreadEntry { .. }
            ]
        ));
        let text = report.to_string().replace("graph::unseen::", "");
        assert!(
            text.starts_with("nothing is wrong\npossibly: nothing carries the tag `names`"),
            "{text}"
        );
        assert!(
            text.contains("\nnot seen: `Key::new(..)` of `a_read"),
            "{text}"
        );
    }
}

mod a_type_of_ones_own {
    use super::{Finding, report};
    use larder::cache_read;

    struct Id(u64);

    impl std::fmt::Display for Id {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(f)
        }
    }

    #[cache_read(key = "user:{id}")]
    async fn user(id: Id) -> u64 {
        id.0
    }

    #[cache_read(key = "user:all")]
    async fn all() -> Vec<u64> {
        vec![]
    }

    /// Nobody knows whether an id is ever written as `all`.
    #[test]
    fn may_be_a_word_or_not() {
        let report = report(module_path!());
        assert_eq!(report.findings(), []);
        assert!(matches!(report.possible(), [Finding::SharedKey { .. }]));
    }
}

mod a_value_of_an_unknown_type {
    use super::{Finding, report};
    use larder::cache_read;

    #[cache_read(key = "order:{id.0}")]
    async fn one(id: (u64, u8)) -> u64 {
        id.0
    }

    #[cache_read(key = "order:{key.1}")]
    async fn other(key: (u8, u64)) -> String {
        key.1.to_string()
    }

    #[test]
    fn is_like_another_in_the_same_place() {
        let report = report(module_path!());
        assert!(matches!(report.findings(), [Finding::SharedKey { .. }]));
        assert_eq!(report.possible(), []);
    }
}

mod what_is_seen_is_certain {
    use super::{Finding, report};
    use larder::{cache_read, cache_write};

    fn tags_of(id: &u64) -> [String; 1] {
        [format!("user:{id}")]
    }

    #[cache_read(key = "user:{id}", tags = tags_of)]
    async fn user(id: u64) -> String {
        id.to_string()
    }

    #[cache_read(key = "count", tags = ["users"])]
    async fn count() -> u64 {
        0
    }

    #[cache_write(keys = ["carts"])]
    async fn rename() {}

    /// Tags by a function hide neither a key that nobody has nor a tag that nobody invalidates.
    #[test]
    fn beside_what_is_not() {
        let report = report(module_path!());
        assert!(matches!(
            report.findings(),
            [Finding::UninvalidatedTag { .. }, Finding::UnreadKey { .. }]
        ));
        assert_eq!(report.possible(), []);
    }
}
