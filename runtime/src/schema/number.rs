//! Which numbers are read as which without loss.

use super::record::Shape;

/// A number's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Integer {
        bits: u32,
        is_signed: bool,
        has_zero: bool,
    },
    /// Integers of so many bits are exact.
    Float {
        exact_bits: u32,
    },
}

/// A number that MessagePack has no form for: it is written as bytes.
const LONG: u32 = 128;

impl Number {
    pub(super) fn of(shape: &Shape) -> Option<Self> {
        let integer = |bits, is_signed, has_zero| Some(Self::Integer { bits, is_signed, has_zero });
        match shape {
            Shape::U8 => integer(8, false, true),
            Shape::U16 => integer(16, false, true),
            Shape::U32 => integer(32, false, true),
            Shape::U64 => integer(64, false, true),
            Shape::U128 => integer(LONG, false, true),
            Shape::I8 => integer(8, true, true),
            Shape::I16 => integer(16, true, true),
            Shape::I32 => integer(32, true, true),
            Shape::I64 => integer(64, true, true),
            Shape::I128 => integer(LONG, true, true),
            Shape::NonZeroU8 => integer(8, false, false),
            Shape::NonZeroU16 => integer(16, false, false),
            Shape::NonZeroU32 => integer(32, false, false),
            Shape::NonZeroU64 => integer(64, false, false),
            Shape::NonZeroI8 => integer(8, true, false),
            Shape::NonZeroI16 => integer(16, true, false),
            Shape::NonZeroI32 => integer(32, true, false),
            Shape::NonZeroI64 => integer(64, true, false),
            Shape::F32 => Some(Self::Float { exact_bits: 24 }),
            Shape::F64 => Some(Self::Float { exact_bits: 53 }),
            _ => None,
        }
    }

    /// Is each number of `written` read as itself?
    pub(super) fn reads(self, written: Self) -> bool {
        match (self, written) {
            (Self::Float { exact_bits }, Self::Float { exact_bits: written }) => written <= exact_bits,
            (Self::Float { exact_bits }, Self::Integer { bits, is_signed, .. }) => {
                bits - u32::from(is_signed) <= exact_bits
            }
            (Self::Integer { .. }, Self::Float { .. }) => false,
            (
                Self::Integer { bits, is_signed, has_zero },
                Self::Integer { bits: written, is_signed: written_signed, has_zero: written_zero },
            ) => {
                let fits = match (is_signed, written_signed) {
                    (true, false) => written < bits,
                    // The readers of 128 bits take a negative number for a very large one, the others refuse it.
                    (false, true) => false,
                    _ => written <= bits,
                };
                fits && (has_zero || !written_zero) && (written < LONG || bits == LONG)
            }
        }
    }
}
