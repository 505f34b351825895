//! An `unsafe fn` keeps its signature, and `refresh` has it too.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![warn(unsafe_op_in_unsafe_fn)]

use larder::{cache_read, cache_write};

/// # Safety
/// `at` is within `text`.
#[cache_read(key = "byte:{text}:{at}")]
pub async unsafe fn byte(text: &str, at: usize) -> u8 {
    unsafe { *text.as_bytes().get_unchecked(at) }
}

/// # Safety
/// `at` is within `text`.
#[cache_read(key = "plain:{text}:{at}")]
pub unsafe fn plain(text: &str, at: usize) -> u8 {
    unsafe { *text.as_bytes().get_unchecked(at) }
}

/// # Safety
/// None is needed.
#[cache_write(tags = ["byte:{text}:{at}"])]
pub async unsafe fn forget(text: &str, at: usize) {
    let _ = (text, at);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // SAFETY: 1 is within "abc".
    let byte = unsafe { [byte("abc", 1).await, byte::refresh("abc", 1).await, plain("abc", 1)] };
    assert_eq!(byte, *b"bbb");
    // SAFETY: None is needed.
    unsafe { forget("abc", 1).await };
    assert_eq!(byte::peek("abc", 1).await.unwrap(), None);
}

