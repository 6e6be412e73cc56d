//! The bytes of encoded values, read from the front.

/// What is left of a block.
pub(super) struct Datum<'a>(pub(super) &'a [u8]);

impl<'a> Datum<'a> {
    /// So many bytes.
    pub(super) fn take(&mut self, size: u64) -> Result<&'a [u8], String> {
        let index = usize::try_from(size).ok().filter(|index| *index <= self.0.len());
        let index =
            index.ok_or_else(|| format!("a value of {size} bytes begins {} bytes before the end", self.0.len()))?;
        let (taken, rest) = self.0.split_at(index);
        self.0 = rest;
        Ok(taken)
    }

    /// A whole number: seven bits a byte, low ones first, its sign in the lowest bit.
    pub(super) fn long(&mut self) -> Result<i64, String> {
        let mut value = 0_u64;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                let magnitude = i64::try_from(value >> 1).expect("63 bits are left");
                return Ok(if value & 1 == 0 { magnitude } else { !magnitude });
            }
        }
        Err(if self.0.len() < 10 { "a number is cut off" } else { "a number is longer than 64 bits" }.to_owned())
    }

    /// Bytes after their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        let size = u64::try_from(length).map_err(|_| format!("a value has the length {length}"))?;
        self.take(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (bytes, expected) in [
            (&[0x00_u8][..], 0),
            (&[0x01], -1),
            (&[0x02], 1),
            (&[0x7f], -64),
            (&[0x80, 0x01], 64),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MAX),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], i64::MIN),
        ] {
            let mut datum = Datum(bytes);
            assert_eq!(datum.long(), Ok(expected));
            assert_eq!(datum.0, [0; 0]);
        }
        assert_eq!(Datum(&[0x80]).long(), Err("a number is cut off".to_owned()));
        assert_eq!(Datum(&[0xff; 11]).long(), Err("a number is longer than 64 bits".to_owned()));
    }

    #[test]
    fn a_length_is_checked_before_anything_is_taken() {
        assert_eq!(Datum(&[0x04, b'a', b'b', b'c']).bytes(), Ok(&b"ab"[..]));
        assert!(Datum(&[0x06, b'a', b'b']).bytes().is_err());
        assert_eq!(Datum(&[0x01]).bytes(), Err("a value has the length -1".to_owned()));
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(Datum(&huge).bytes().is_err());
    }
}
