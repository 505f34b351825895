//! Which declaration a path in an attribute means.
//!
//! The macros see `user::profile(id)` as text and not what it stands for. So the last segments are
//! looked for among what is declared; a path that leads through a name of its own (`use .. as ..`) is
//! not found, and what is not found is told as unseen, not guessed.

/// The one of `declared`, by whole paths, that `path` means in the module `from`; `None` where there is
/// none, or where it may be several.
pub(super) fn resolve<'a, T: Copy>(
    path: &str,
    from: &str,
    declared: impl IntoIterator<Item = (&'a str, T)>,
) -> Option<T> {
    let segments = path
        .split("::")
        .skip_while(|segment| matches!(*segment, "" | "crate" | "self" | "super"));
    let segments: Vec<&str> = segments.collect();
    let (name, qualifiers) = segments.split_last()?;
    let mut best: Option<((usize, bool), T)> = None;
    let mut is_unique = true;
    for (candidate, found) in declared {
        let mut modules: Vec<&str> = candidate.split("::").collect();
        if modules.pop() != Some(name) || !is_subsequence(qualifiers, &modules) {
            continue;
        }
        // The nearer one is meant; of two as near, the one whose path is written in full.
        let rank = (common(&modules, from), modules.ends_with(qualifiers));
        match best {
            Some((known, _)) if known > rank => {}
            Some((known, _)) if known == rank => is_unique = false,
            _ => (best, is_unique) = (Some((rank, found)), true),
        }
    }
    best.filter(|_| is_unique).map(|(_, found)| found)
}

/// Names may be left out on the way: modules re-export what is in them.
fn is_subsequence(some: &[&str], all: &[&str]) -> bool {
    let mut all = all.iter();
    some.iter().all(|one| all.any(|other| one == other))
}

/// How many modules a path has in common with the module `from`.
fn common(modules: &[&str], from: &str) -> usize {
    let pairs = modules.iter().zip(from.split("::"));
    pairs.take_while(|(one, other)| *one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, from: &str, declared: &[&str]) -> Option<usize> {
        let declared = declared.iter().enumerate().map(|(at, name)| (*name, at));
        resolve(path, from, declared)
    }

    #[test]
    fn the_last_segments_decide() {
        let declared = ["shop::cache::imp::user", "shop::cache::order"];
        assert_eq!(found("user", "shop::api", &declared), Some(0));
        assert_eq!(found("crate::cache::user", "shop::api", &declared), Some(0));
        assert_eq!(found("super::order", "shop::cache::x", &declared), Some(1));
        assert_eq!(found("::shop::cache::order", "other", &declared), Some(1));
        assert_eq!(found("db::user", "shop::api", &declared), None);
        assert_eq!(found("users", "shop::api", &declared), None);
        assert_eq!(found("", "shop::api", &declared), None);
    }

    #[test]
    fn of_several_the_nearest_is_meant_or_none() {
        let declared = ["shop::a::user", "shop::b::user", "shop::b::imp::user"];
        assert_eq!(found("user", "shop::a", &declared), Some(0));
        assert_eq!(found("b::imp::user", "shop", &declared), Some(2));
        assert_eq!(found("b::user", "shop", &declared), Some(1));
        assert_eq!(found("user", "shop", &declared), None);
    }
}
