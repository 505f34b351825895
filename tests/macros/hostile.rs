//! Attacks on keys.

use larder::cache_read;

#[cache_read(key = "pairs:{left:join},{right:join}")]
async fn pairs(left: &[u32], right: &[u32]) -> usize {
    left.len() + right.len()
}

/// A list ends where the next begins.
#[test]
fn two_lists_with_a_comma_between_have_keys_of_their_own() {
    assert_ne!(pairs::key(&[1, 2], &[3]), pairs::key(&[1], &[2, 3]));
}
