use crate::Table;

/// What a message of a state or rows topic is, told by its key.
///
/// A record's key is the number of its table and its own key. No table has the number 0: keys that begin with it are
/// the store's own, and no scan shows them.
///
/// ```
/// use dauphin_store::Table;
/// use dauphin_store::kafka::MessageKey;
///
/// let key = MessageKey::Record { table: Table::Row, key: b"7" }.encode();
/// assert_eq!(key, [4, b'7']);
/// assert_eq!(MessageKey::decode(&key), Some(MessageKey::Record { table: Table::Row, key: b"7" }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKey<'a> {
    /// A record; a message without a value removes it.
    Record {
        /// Where the record lives.
        table: Table,
        /// Its key.
        key: &'a [u8],
    },
    /// A reply, for those who read it as it comes. Every reply has the same key, so the topic keeps the last alone.
    Reply,
    /// An owner opened the partition here. It says nothing more: its place does.
    Mark,
}

const REPLY: &[u8] = &[0];
const MARK: &[u8] = &[0, 1];

impl<'a> MessageKey<'a> {
    /// The bytes of the key.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Record { table, key } => [&[table.number()], *key].concat(),
            Self::Reply => REPLY.to_vec(),
            Self::Mark => MARK.to_vec(),
        }
    }

    /// What these bytes say; nothing when a later release wrote them.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            REPLY => Some(Self::Reply),
            MARK => Some(Self::Mark),
            [number, key @ ..] => Table::from_number(*number).map(|table| Self::Record { table, key }),
            [] => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MessageKey;
    use crate::Table;

    #[test]
    fn keys_never_change() {
        for (key, bytes) in [
            (MessageKey::Record { table: Table::Log, key: b"" }, &b"\x02"[..]),
            (MessageKey::Record { table: Table::Row, key: b"\0\xff" }, b"\x04\0\xff"),
            (MessageKey::Reply, b"\0"),
            (MessageKey::Mark, b"\0\x01"),
        ] {
            assert_eq!(key.encode(), bytes);
            assert_eq!(MessageKey::decode(bytes), Some(key));
        }
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_something_else() {
        for bytes in [&b""[..], b"\0\0", b"\0\x02", b"\0\x01\0", b"\x0akey", b"\xff"] {
            assert_eq!(MessageKey::decode(bytes), None, "{bytes:?}");
        }
    }
}
