use crate::text;

/// How a file keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of text, perhaps compressed.
    Text(TextFormat),
    /// Columns: Apache Parquet.
    Parquet,
    /// Rows in blocks: Apache Avro.
    Avro,
}

/// How a line of text keeps a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The format that a file's name ends with, in any letter case: `.csv`, `.ndjson`, `.jsonl`, `.json`, each also
    /// followed by `.gz` or `.zst`, and `.parquet` and `.avro`. Compression itself is found by the content, not by the name.
    ///
    /// ```
    /// use dauphin_dialects::{Format, TextFormat};
    /// assert_eq!(Format::of_file_name("events-2018.CSV.gz"), Some(Format::Text(TextFormat::Csv)));
    /// assert_eq!(Format::of_file_name("events.xlsx"), None);
    /// ```
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
        match (plain.unwrap_or(&name).rsplit_once('.')?.1, plain) {
            ("csv", _) => Some(Self::Text(TextFormat::Csv)),
            ("ndjson" | "jsonl" | "json", _) => Some(Self::Text(TextFormat::Ndjson)),
            ("parquet", None) => Some(Self::Parquet),
            ("avro", None) => Some(Self::Avro),
            _ => None,
        }
    }
    /// The format of a file that begins with these bytes, a few hundred of them: Avro and Parquet by their marks, else
    /// text, which is NDJSON if its first line begins an object, also when it is compressed.
    ///
    /// ```
    /// use dauphin_dialects::{Format, TextFormat};
    /// assert_eq!(Format::of_content(b"Obj\x01"), Format::Avro);
    /// assert_eq!(Format::of_content(b"\n{\"user_id\":\"ada\"}"), Format::Text(TextFormat::Ndjson));
    /// assert_eq!(Format::of_content(b"user_id,time\n"), Format::Text(TextFormat::Csv));
    /// ```
    pub fn of_content(beginning: &[u8]) -> Self {
        if beginning.starts_with(b"Obj\x01") {
            return Self::Avro;
        }
        if beginning.starts_with(b"PAR1") {
            return Self::Parquet;
        }
        let first = text::beginning(beginning).into_iter().find(|byte| !byte.is_ascii_whitespace());
        Self::Text(if first == Some(b'{') { TextFormat::Ndjson } else { TextFormat::Csv })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_format() {
        let (csv, ndjson) = (Some(Format::Text(TextFormat::Csv)), Some(Format::Text(TextFormat::Ndjson)));
        for (name, format) in [
            ("a.csv", csv),
            ("a.csv.zst", csv),
            ("/b.c/a.ndjson", ndjson),
            ("a.jsonl.gz", ndjson),
            ("A.JSON", ndjson),
            ("a.parquet", Some(Format::Parquet)),
            ("a.parquet.gz", None),
            ("A.Avro", Some(Format::Avro)),
            ("a.avro.gz", None),
            ("a.gz", None),
            ("csv", None),
            ("", None),
        ] {
            assert_eq!(Format::of_file_name(name), format, "{name}");
        }
    }
}
