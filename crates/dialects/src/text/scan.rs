//! Looking for the few bytes that structure a text, eight at a time: what lies between them is short, so that a plain
//! loop beats a call.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const TOP_BITS: u64 = 0x8080_8080_8080_8080;

/// Where the first byte at or after `from` is that `wanted` marks with its top bit; the end if there is none. Bytes
/// before that one must be right, those after it need not.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the loop is the caller's own, with its bytes as constants")]
fn first(bytes: &[u8], from: usize, wanted: impl Fn(u64) -> u64) -> usize {
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = wanted(u64::from_le_bytes(*word)) & TOP_BITS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    // As if the text went on with bytes that nobody looks for.
    let is_wanted = |byte: u8| wanted(u64::from_le_bytes([byte, b'a', b'a', b'a', b'a', b'a', b'a', b'a'])) & 0x80 != 0;
    at.min(bytes.len()) + rest.iter().position(|byte| is_wanted(*byte)).unwrap_or(rest.len())
}

/// The bytes of `word` that are `byte`, in their top bits; right up to the first.
const fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (LOW_BITS * byte as u64);
    zero_where_equal.wrapping_sub(LOW_BITS) & !zero_where_equal
}

/// The bytes of `word` that are quotes or below 0x20, in their top bits; right up to the first.
const fn quote_or_control(word: u64) -> u64 {
    // A quote, which is 0x22, becomes 0x20; what is below 0x20 stays there, and what was 0x20 or 0x21 does not come there.
    let swapped = word ^ (LOW_BITS * 2);
    swapped.wrapping_sub(LOW_BITS * 0x21) & !swapped
}

/// The first `a` or `b` at or after `from`, or the end.
pub(super) fn first_of(a: u8, b: u8, bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |word| equal(word, a) | equal(word, b))
}

/// The first byte at or after `from` that ends what a JSON string says as it stands: a quote, a backslash or a control
/// character; or the end.
#[inline]
pub(crate) fn end_of_plain_string(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |word| quote_or_control(word) | equal(word, b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_plain_loop_finds(
            bytes in prop::collection::vec(prop::sample::select(b"ab,\n\"\\\x1f\x20\xa0\x7f\xff\x80\x2b\x2d\x00".to_vec()), 0..40),
            from in 0_usize..45,
        ) {
            let plain = |wanted: &dyn Fn(u8) -> bool| {
                let rest = bytes.get(from..).unwrap_or_default();
                from.min(bytes.len()) + rest.iter().position(|byte| wanted(*byte)).unwrap_or(rest.len())
            };
            prop_assert_eq!(first_of(b',', b'\n', &bytes, from), plain(&|byte| byte == b',' || byte == b'\n'));
            let ends = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
            prop_assert_eq!(end_of_plain_string(&bytes, from), plain(&ends));
        }
    }
}
