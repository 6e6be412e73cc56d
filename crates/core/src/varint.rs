//! Unsigned LEB128 and fixed-width integers: the only number formats of records.

/// Appends `value` in 1 to 10 bytes, seven bits a byte, low bits first.
#[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number in zigzag form.
pub fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_varint(out, zigzag(value));
}

/// Signed numbers with small magnitudes become small unsigned ones: 0, −1, 1, −2 are 0, 1, 2, 3.
fn zigzag(value: i64) -> u64 {
    (value.unsigned_abs() << 1).wrapping_sub(u64::from(value < 0))
}

/// Inverse of [`zigzag`].
fn unzigzag(value: u64) -> i64 {
    let magnitude = i64::try_from(value >> 1).expect("63 bits");
    if value & 1 == 0 { magnitude } else { -magnitude - 1 }
}

/// A record ended early, or a number in it does not fit its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated;

/// Reads a record from front to back.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Truncated> {
        let (head, tail) = self.bytes.split_at_checked(count).ok_or(Truncated)?;
        self.bytes = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (head, tail) = self.bytes.split_first_chunk().ok_or(Truncated)?;
        self.bytes = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_le_bytes)
    }

    /// A LEB128 number; one written in more bytes than it needs is taken, one beyond 64 bits is not.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Truncated> {
        // Nearly every number is below 128.
        if let Some((&byte, rest)) = self.bytes.split_first()
            && byte < 0x80
        {
            self.bytes = rest;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Truncated> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Truncated);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Truncated)
    }

    /// A signed number in zigzag form.
    pub fn signed(&mut self) -> Result<i64, Truncated> {
        self.varint().map(unzigzag)
    }

    /// A LEB128 number that fits `T`.
    #[inline]
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Truncated> {
        T::try_from(self.varint()?).map_err(|_| Truncated)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed in -(1_i64 << 62)..(1_i64 << 62)) {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.varint().is_ok() {}
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_refused() {
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(Truncated));
        assert_eq!(Reader::new(&[0xff; 3]).varint(), Err(Truncated));
        assert_eq!(Reader::new(&[0x80, 0x80, 0x04]).number::<u16>(), Err(Truncated));
    }
}
