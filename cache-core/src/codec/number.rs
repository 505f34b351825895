//! Integers, in a layout that a server can count in.
//!
//! ```text
//! number       1, 2, 4 or 8 bytes, big-endian, two's complement
//! complement   as many: every bit of the number, inverted
//! kind         1 byte
//! ```
//!
//! A server changes the number in place, so an entry's checksum cannot cover it; the complement does
//! instead.

use std::any::Any;

use super::Unreadable;

/// Which integer type a number was set as, and comes back as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberKind {
    tag: u8,
    /// Bytes.
    width: usize,
    is_signed: bool,
}

/// An integer of any type, where it fits an `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) kind: NumberKind,
    pub(crate) value: i64,
}

macro_rules! integers {
    ($($type:ty = $tag:literal,)*) => {
        const KINDS: &[NumberKind] = &[$(
            NumberKind { tag: $tag, width: size_of::<$type>(), is_signed: <$type>::MIN != 0 },
        )*];

        impl Number {
            /// The number that `value` is, if it is one.
            pub(crate) fn of(value: &dyn Any) -> Option<Self> {
                $(if let Some(number) = value.downcast_ref::<$type>() {
                    let value = i64::try_from(*number).ok()?;
                    return Some(Self { kind: NumberKind::tagged($tag)?, value });
                })*
                None
            }

            /// The number in its own type, as a trait object made by `make`.
            pub(crate) fn visit<R>(self, visitor: impl VisitNumber<R>) -> Option<R> {
                match self.kind.tag {
                    $($tag => Some(visitor.visit(<$type>::try_from(self.value).ok()?)),)*
                    _ => None,
                }
            }
        }
    };
}

// The tags are in stores: none is ever given to another type.
integers! {
    i8 = 1, i16 = 2, i32 = 3, i64 = 4, isize = 5,
    u8 = 6, u16 = 7, u32 = 8, u64 = 9, usize = 10,
}

/// What is done with a number in its own type.
pub(crate) trait VisitNumber<R> {
    fn visit<V: Any + Send + Sync + Clone>(self, value: V) -> R;
}

impl NumberKind {
    fn tagged(tag: u8) -> Option<Self> {
        KINDS.iter().copied().find(|kind| kind.tag == tag)
    }

    /// How many bytes the number has: 1, 2, 4 or 8.
    #[must_use]
    pub fn width(self) -> usize {
        self.width
    }

    /// Whether it can be negative.
    #[must_use]
    pub fn is_signed(self) -> bool {
        self.is_signed
    }

    /// The number in its bytes.
    #[must_use]
    pub fn read(self, bytes: &[u8]) -> Option<i64> {
        if bytes.len() != self.width {
            return None;
        }
        let is_negative = self.is_signed && bytes[0] & 0x80 != 0;
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        wide[8 - self.width..].copy_from_slice(bytes);
        let number = i64::from_be_bytes(wide);
        (self.is_signed || number >= 0).then_some(number)
    }

    /// What tells this kind from every other shape.
    pub(super) fn shape(self) -> u64 {
        u64::from(self.tag)
    }
}

impl Number {
    pub(super) fn append(self, bytes: &mut Vec<u8>) {
        let wide = self.value.to_be_bytes();
        let number = &wide[8 - self.kind.width..];
        bytes.extend_from_slice(number);
        bytes.extend(number.iter().map(|byte| !byte));
        bytes.push(self.kind.tag);
    }

    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Unreadable> {
        let (&tag, numbers) = payload.split_last().ok_or(Unreadable)?;
        let kind = NumberKind::tagged(tag).ok_or(Unreadable)?;
        let (number, complement) = numbers.split_at_checked(kind.width).ok_or(Unreadable)?;
        let inverted = number.iter().map(|byte| !byte);
        if !inverted.eq(complement.iter().copied()) {
            return Err(Unreadable);
        }
        let value = kind.read(number).ok_or(Unreadable)?;
        Ok(Self { kind, value })
    }

    /// The number as a `T`, if that is what it was set as.
    pub(super) fn restore<T: Clone + 'static>(self) -> Result<T, Unreadable> {
        struct As<T>(std::marker::PhantomData<T>);
        impl<T: Clone + 'static> VisitNumber<Option<T>> for As<T> {
            fn visit<V: Any + Send + Sync + Clone>(self, value: V) -> Option<T> {
                (&value as &dyn Any).downcast_ref::<T>().cloned()
            }
        }
        self.visit(As(std::marker::PhantomData))
            .flatten()
            .ok_or(Unreadable)
    }

    /// This number and `by`, if the sum fits its type.
    pub(crate) fn plus(self, by: i64) -> Option<Self> {
        let value = self.value.checked_add(by)?;
        let sum = Self { value, ..self };
        struct Fits;
        impl VisitNumber<()> for Fits {
            fn visit<V: Any + Send + Sync + Clone>(self, _: V) {}
        }
        sum.visit(Fits).map(|()| sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(value: &dyn Any) -> Vec<u8> {
        let mut bytes = Vec::new();
        Number::of(value).expect("a number").append(&mut bytes);
        bytes
    }

    #[test]
    fn every_integer_comes_back_as_its_own_type() {
        macro_rules! check {
            ($($type:ty)*) => {$(
                for value in [<$type>::MIN, 0, 1, 100, <$type>::MAX] {
                    if i64::try_from(value).is_ok() {
                        let bytes = bytes_of(&value);
                        let number = Number::parse(&bytes).expect("it reads");
                        assert_eq!(number.restore::<$type>(), Ok(value));
                        assert!(number.restore::<String>().is_err());
                    }
                }
            )*};
        }
        check!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
        assert_eq!(Number::of(&u64::MAX), None);
        assert_eq!(Number::of(&1.5_f64), None);
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let bytes = bytes_of(&-70_000_i32);
        for at in 0..bytes.len() {
            assert!(Number::parse(&bytes[..at]).is_err());
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                // A changed kind may be another kind of the same width: its shape is in the sum.
                let read = Number::parse(&changed).map(|number| number.kind);
                assert_ne!(read, Number::of(&0_i32).map(|n| n.kind).ok_or(Unreadable));
            }
        }
    }

    #[test]
    fn a_sum_must_fit_the_type() {
        let plus = |value: &dyn Any, by| {
            let sum = Number::of(value).expect("a number").plus(by);
            sum.map(|sum| sum.value)
        };
        assert_eq!(plus(&250_u8, 5), Some(255));
        assert_eq!(plus(&250_u8, 6), None);
        assert_eq!(plus(&0_u32, -1), None);
        assert_eq!(plus(&i64::MAX, 1), None);
        assert_eq!(plus(&-1_i8, -127), Some(-128));
    }
}
