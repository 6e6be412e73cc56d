//! Writes Avro files, byte for byte, so that tests can also write wrong ones.

/// The bytes of values, one after another.
#[derive(Clone, Default)]
pub struct Values(pub Vec<u8>);

impl Values {
    pub fn long(mut self, number: i64) -> Self {
        let mut rest = u64::from_le_bytes(((number << 1) ^ (number >> 63)).to_le_bytes());
        while rest >= 0x80 {
            self.0.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
        self
    }

    pub fn text(self, text: &str) -> Self {
        let mut values = self.long(i64::try_from(text.len()).unwrap());
        values.0.extend_from_slice(text.as_bytes());
        values
    }

    /// A value of the union of null and string.
    pub fn maybe(self, text: &str) -> Self {
        if text.is_empty() { self.long(0) } else { self.long(1).text(text) }
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

pub const MARK: &[u8; 16] = b"0123456789abcdef";

/// The header of a file.
pub fn header(schema: &str, codec: &str) -> Vec<u8> {
    let header = Values::default().raw(b"Obj\x01").long(2);
    let header = header.text("avro.schema").text(schema).text("avro.codec").text(codec);
    header.long(0).raw(MARK).0
}

/// A block of so many rows, as it is stored.
pub fn block(row_count: i64, stored: &[u8]) -> Vec<u8> {
    let size = i64::try_from(stored.len()).unwrap();
    Values::default().long(row_count).long(size).raw(stored).raw(MARK).0
}

/// A whole file of rows, so many in a block.
pub fn file(schema: &str, rows_a_block: usize, rows: &[Values]) -> Vec<u8> {
    let mut file = header(schema, "null");
    for rows in rows.chunks(rows_a_block) {
        let stored: Vec<u8> = rows.iter().flat_map(|row| row.0.iter().copied()).collect();
        file.extend(block(i64::try_from(rows.len()).unwrap(), &stored));
    }
    file
}

/// The schema of a record: each field `name type`, where `text?` is text or null; any other type is taken as written.
pub fn schema(name: &str, fields: &str) -> String {
    let fields: Vec<String> = fields
        .split_whitespace()
        .map(|field| {
            let (name, of) = field.split_once(':').unwrap();
            let of = match of {
                "text" => "\"string\"",
                "text?" => "[\"null\",\"string\"]",
                "int" => "\"int\"",
                "long" => "\"long\"",
                other => other,
            };
            format!("{{\"name\":\"{name}\",\"type\":{of}}}")
        })
        .collect();
    format!("{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":[{}]}}", fields.join(","))
}
