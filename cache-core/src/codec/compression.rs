//! Smaller bytes for larger values.
//!
//! Compressed, a payload is the length it had, in four bytes, and what the algorithm made of it.

use super::Unreadable;

/// How large values are made smaller on their way to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// LZ4: fast, to about half.
    Lz4,
    /// Zstandard at its usual level: slower, to about a third. Needs the feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
}

const NONE: u8 = 0;
const LZ4: u8 = 1;
const ZSTD: u8 = 2;

/// The longest value that is compressed: few bytes from outside must not become many gigabytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// LZ4 cannot do better than this: bytes that claim more lie.
const LZ4_RATIO: usize = 255;

/// Compresses what stands behind `start`, if that makes it smaller; with which algorithm it did.
pub(super) fn compress(bytes: &mut Vec<u8>, start: usize, compression: Compression) -> u8 {
    let payload = &bytes[start..];
    let len = match u32::try_from(payload.len()) {
        Ok(len) if payload.len() <= LONGEST => len,
        _ => return NONE,
    };
    let (algorithm, compressed) = match compression {
        Compression::None => return NONE,
        Compression::Lz4 => (LZ4, lz4_flex::block::compress(payload)),
        #[cfg(feature = "zstd")]
        Compression::Zstd => match zstd::bulk::compress(payload, zstd::DEFAULT_COMPRESSION_LEVEL) {
            Ok(compressed) => (ZSTD, compressed),
            Err(_) => return NONE,
        },
    };
    if compressed.len() + 4 >= payload.len() {
        return NONE;
    }
    bytes.truncate(start);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(&compressed);
    algorithm
}

/// The payload as it was. Allocates no more than the bytes can hold.
pub(super) fn decompress(bytes: &[u8], algorithm: u8) -> Result<Option<Vec<u8>>, Unreadable> {
    if algorithm == NONE {
        return Ok(None);
    }
    let (len, compressed) = bytes.split_first_chunk().ok_or(Unreadable)?;
    let len = u32::from_be_bytes(*len) as usize;
    if len > LONGEST {
        return Err(Unreadable);
    }
    let payload = match algorithm {
        LZ4 if len <= compressed.len().saturating_mul(LZ4_RATIO) => {
            lz4_flex::block::decompress(compressed, len).map_err(|_| Unreadable)?
        }
        ZSTD => unzstd(compressed, len)?,
        _ => return Err(Unreadable),
    };
    if payload.len() == len {
        Ok(Some(payload))
    } else {
        Err(Unreadable)
    }
}

#[cfg(feature = "zstd")]
fn unzstd(compressed: &[u8], len: usize) -> Result<Vec<u8>, Unreadable> {
    use std::io::Read as _;

    /// As a power of two: what the usual level uses. A larger window is memory that a frame from
    /// outside asks for.
    const LARGEST_WINDOW: u32 = 23;

    let mut decoder = zstd::stream::read::Decoder::new(compressed).map_err(|_| Unreadable)?;
    decoder
        .window_log_max(LARGEST_WINDOW)
        .map_err(|_| Unreadable)?;
    // Grows with what there is, not with what is claimed.
    let mut payload = Vec::new();
    decoder
        .take(len as u64 + 1)
        .read_to_end(&mut payload)
        .map_err(|_| Unreadable)?;
    Ok(payload)
}

#[cfg(not(feature = "zstd"))]
fn unzstd(_: &[u8], _: usize) -> Result<Vec<u8>, Unreadable> {
    Err(Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithms() -> Vec<Compression> {
        vec![
            Compression::Lz4,
            #[cfg(feature = "zstd")]
            Compression::Zstd,
        ]
    }

    #[test]
    fn what_was_compressed_comes_back() {
        for compression in algorithms() {
            let payload = "larder ".repeat(1_000).into_bytes();
            let mut bytes = b"head".to_vec();
            bytes.extend_from_slice(&payload);
            let algorithm = compress(&mut bytes, 4, compression);
            assert_ne!(algorithm, NONE);
            assert!(bytes.len() < payload.len() / 10);
            assert_eq!(decompress(&bytes[4..], algorithm), Ok(Some(payload)));
        }
    }

    #[test]
    fn what_does_not_become_smaller_stays() {
        for compression in algorithms() {
            let mut bytes = b"abc".to_vec();
            assert_eq!(compress(&mut bytes, 0, compression), NONE);
            assert_eq!(bytes, b"abc");
        }
    }

    #[test]
    fn bytes_that_lie_about_their_length_do_not_read() {
        for compression in algorithms() {
            let mut bytes = "larder ".repeat(1_000).into_bytes();
            let algorithm = compress(&mut bytes, 0, compression);
            for len in [0_u32, 6_999, 7_001, 1 << 28, u32::MAX] {
                bytes[..4].copy_from_slice(&len.to_be_bytes());
                assert_eq!(decompress(&bytes, algorithm), Err(Unreadable), "{len}");
            }
        }
        assert_eq!(decompress(&[], LZ4), Err(Unreadable));
        assert_eq!(decompress(&[0, 0, 0, 1, 7], 9), Err(Unreadable));
    }
}
