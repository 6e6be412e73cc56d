use dauphin_model::ProfileKey;

use crate::calendar::Calendars;
use crate::shard::{PAGE_PROFILES, Shard};
use crate::varint::{Reader, Truncated, write_varint};

/// Why bytes are no page of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageError {
    /// Cut, or a number out of range, or bytes left over.
    Malformed,
    /// Calendars that are none.
    Calendars(ProfileKey),
    /// A profile that another page has already.
    Duplicate(ProfileKey),
    /// Pages must be loaded in order, each full before the next.
    OutOfOrder,
}

impl From<Truncated> for PageError {
    fn from(Truncated: Truncated) -> Self {
        Self::Malformed
    }
}

impl Shard {
    /// Appends the page to `out` and takes it as written:
    /// `[profile count: varint]`, then for each profile
    /// `[key: 16 bytes][distance to the person's first profile: varint][calendar byte count: varint][calendars]`.
    pub fn write_page(&mut self, page: usize, out: &mut Vec<u8>) {
        let records = self.records(page * PAGE_PROFILES..(page + 1) * PAGE_PROFILES);
        write_varint(out, records.len() as u64);
        for (index, key, calendars) in records {
            out.extend_from_slice(&key.to_u128().to_le_bytes());
            write_varint(out, u64::from(index - self.persons().root_of(index)));
            write_varint(out, calendars.len() as u64);
            out.extend_from_slice(calendars);
        }
        self.dirty_mut()[page] = false;
    }

    /// Takes the next page of an empty shard that is being filled; pages come in order.
    pub fn load_page(&mut self, page: usize, bytes: &[u8]) -> Result<(), PageError> {
        if page * PAGE_PROFILES != self.profile_count() as usize {
            return Err(PageError::OutOfOrder);
        }
        let mut reader = Reader::new(bytes);
        let count = reader.number::<usize>()?;
        if count == 0 || count > PAGE_PROFILES {
            return Err(PageError::Malformed);
        }
        for _ in 0..count {
            let key = ProfileKey::from_u128(u128::from_le_bytes(reader.array()?));
            let distance = reader.number::<u32>()?;
            let byte_count = reader.number::<usize>()?;
            let calendars = reader.bytes(byte_count)?;
            Calendars::checked(calendars).map_err(|_| PageError::Calendars(key))?;
            if self.contains(key) {
                return Err(PageError::Duplicate(key));
            }
            let index = self.add(key, calendars);
            if distance > 0 {
                let root = index.checked_sub(distance).ok_or(PageError::Malformed)?;
                self.persons_mut().join(root, index);
            }
        }
        self.dirty_mut()[page] = false;
        if reader.is_empty() { Ok(()) } else { Err(PageError::Malformed) }
    }
}
