use std::collections::BTreeMap;
use std::mem;

use crate::{KeyRange, Table};

/// Pieces of memory of this size the system takes back at once when they are let go of; what was many small ones, the
/// allocator keeps. Of a piece, only what is written is ever in memory.
const PIECE_BYTE_COUNT: usize = 64 << 20;

/// The values of records, for as long as somebody restores from them.
///
/// At most as much memory again as the values take, and one piece, is held by values that were replaced or removed.
#[derive(Debug, Default)]
pub(super) struct Values {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Place>>,
    pieces: Vec<Vec<u8>>,
    /// Bytes of values that are there.
    held_byte_count: usize,
    /// Bytes in all pieces.
    written_byte_count: usize,
}

/// Where a value is: in which piece, from where, how long.
#[derive(Clone, Copy, Debug)]
struct Place {
    piece: usize,
    start: usize,
    byte_count: usize,
}

impl Values {
    /// The key holds the value.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        let place = self.write(value);
        if let Some(old) = self.tables.entry(table).or_default().insert(key.to_vec(), place) {
            self.held_byte_count -= old.byte_count;
        }
        if self.written_byte_count > 2 * self.held_byte_count + PIECE_BYTE_COUNT {
            self.squeeze();
        }
    }

    /// The key holds nothing.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        if let Some(old) = self.tables.get_mut(&table).and_then(|records| records.remove(key)) {
            self.held_byte_count -= old.byte_count;
        }
    }

    /// The value of a key, if it holds one.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.tables.get(&table)?.get(key).map(|place| self.value(*place))
    }

    /// The records of a range, in the byte order of their keys.
    pub fn range<'a>(&'a self, table: Table, keys: &'a KeyRange) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let records = self.tables.get(&table).filter(|_| !keys.is_empty());
        let places = records.into_iter().flat_map(|records| records.range::<[u8], _>(keys.bounds()));
        places.map(|(key, place)| (&**key, self.value(*place)))
    }

    fn value(&self, place: Place) -> &[u8] {
        &self.pieces[place.piece][place.start..][..place.byte_count]
    }

    fn write(&mut self, value: &[u8]) -> Place {
        let has_room = |piece: &Vec<u8>| piece.capacity() - piece.len() >= value.len();
        if !self.pieces.last().is_some_and(has_room) {
            self.pieces.push(Vec::with_capacity(PIECE_BYTE_COUNT.max(value.len())));
        }
        let piece = self.pieces.len() - 1;
        let bytes = &mut self.pieces[piece];
        let place = Place { piece, start: bytes.len(), byte_count: value.len() };
        bytes.extend_from_slice(value);
        self.held_byte_count += value.len();
        self.written_byte_count += value.len();
        place
    }

    /// Writes what is there anew, and lets go of the rest.
    fn squeeze(&mut self) {
        let old = mem::take(self);
        for (table, records) in &old.tables {
            for (key, place) in records {
                let place = self.write(old.value(*place));
                self.tables.entry(*table).or_default().insert(key.clone(), place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTE_COUNT, Values};
    use crate::{KeyRange, Table};

    #[test]
    fn replaced_values_take_bounded_memory_and_the_others_stay() {
        let mut values = Values::default();
        let value = |key: u8, round: u8| vec![key ^ round; 1 << 20];
        for round in 0..30_u8 {
            for key in 0..10 {
                values.put(Table::Page, &[key], &value(key, round));
                // Some are there once alone, some come and go.
                values.put(Table::Log, &[round, key], &[round]);
                if round > 0 {
                    values.remove(Table::Log, &[round - 1, key]);
                }
            }
            let keys = KeyRange::new([3], [5]);
            let found: Vec<_> = values.range(Table::Page, &keys).collect();
            assert_eq!(found, [(&[3][..], &value(3, round)[..]), (&[4], &value(4, round))]);
            assert_eq!(values.range(Table::Log, &KeyRange::all()).count(), 10);
            assert_eq!(values.get(Table::Log, &[round, 9]), Some(&[round][..]));
            assert!(values.written_byte_count <= 2 * values.held_byte_count + PIECE_BYTE_COUNT);
            assert_eq!(values.held_byte_count, 10 * ((1 << 20) + 1));
        }
        assert!(values.pieces.len() <= 2, "{} pieces", values.pieces.len());
        assert_eq!(values.get(Table::Row, b""), None);
    }
}
