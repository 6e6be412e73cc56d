use std::ops::Bound;

/// A half-open range of keys in byte order: the start is included, the end is not.
///
/// ```
/// use dauphin_store::KeyRange;
///
/// let range = KeyRange::new(*b"b", *b"d");
/// assert!(range.contains(b"b") && range.contains(b"cat") && !range.contains(b"d"));
/// assert!(KeyRange::prefix(*b"ca").contains(b"cat"));
/// assert!(KeyRange::all().contains(b""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange {
    start: Vec<u8>,
    /// `None`: to the last key.
    end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub const fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// From `start` up to, but without, `end`. Empty when `end` is not after `start`.
    pub fn new(start: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> Self {
        Self { start: start.into(), end: Some(end.into()) }
    }

    /// From `start` to the last key.
    pub fn starting_at(start: impl Into<Vec<u8>>) -> Self {
        Self { start: start.into(), end: None }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let start = prefix.into();
        let mut end = start.clone();
        // The first key after all of them: the prefix without its trailing 0xff bytes, its last byte one higher.
        while let Some(last) = end.pop() {
            if let Some(higher) = last.checked_add(1) {
                end.push(higher);
                return Self { start, end: Some(end) };
            }
        }
        Self { start, end: None }
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        (Bound::Included(self.start.as_slice()), end)
    }

    pub(crate) fn byte_count(&self) -> usize {
        self.start.len() + self.end.as_ref().map_or(0, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn a_prefix_holds_exactly_the_keys_that_begin_with_it() {
        for prefix in [&b""[..], b"a", b"a\xff", b"\xff", b"\xff\xff", b"\x00"] {
            let range = KeyRange::prefix(prefix);
            for key in [&b""[..], b"\x00", b"\x00\x00", b"\x01", b"a", b"a\xfe", b"a\xff", b"a\xff\xff", b"b", b"\xff"]
            {
                assert_eq!(range.contains(key), key.starts_with(prefix), "prefix {prefix:?}, key {key:?}");
            }
        }
    }

    #[test]
    fn a_range_that_ends_where_it_starts_is_empty() {
        assert!(KeyRange::new(*b"b", *b"b").is_empty());
        assert!(KeyRange::new(*b"c", *b"b").is_empty());
        assert!(!KeyRange::new(*b"b", *b"b\0").is_empty());
        assert!(!KeyRange::all().is_empty());
    }
}
