use arrow_array::{Array, StringViewArray};

use crate::time::seconds_and_nanos;

/// Rows of a Parquet file column by column, where each has a user id that is text and a time in UTC, none has a session,
/// and the apps are few. What is wrong with a row is said when it is read as a [`Row`](crate::Row).
pub struct PlainRows<'a> {
    user_ids: &'a StringViewArray,
    seconds: Vec<i64>,
    app_ids: Vec<&'a str>,
    /// Of each row.
    app_numbers: Vec<u8>,
}

/// Apps of a batch.
const APPS_MAX: usize = 16;

impl<'a> PlainRows<'a> {
    pub(super) fn new(
        user_ids: &'a StringViewArray,
        (times, units_a_second): (&[i64], u32),
        app_ids: Option<&'a StringViewArray>,
    ) -> Option<Self> {
        let seconds = times.iter().map(|time| seconds_and_nanos(*time, units_a_second).0).collect();
        let mut rows = Self { user_ids, seconds, app_ids: vec![""], app_numbers: vec![0; times.len()] };
        if let Some(array) = app_ids {
            rows.number_apps(array)?;
        }
        Some(rows)
    }

    /// Finds out which apps there are, unless they are many.
    fn number_apps(&mut self, array: &'a StringViewArray) -> Option<()> {
        let has_nulls = array.null_count() > 0;
        // A view has a short text in it, and of a dictionary it is the same wherever the text is: it is met again and again.
        let mut known = [(0, 0); APPS_MAX];
        for (index, (view, number)) in array.views().iter().zip(&mut self.app_numbers).enumerate() {
            if has_nulls && array.is_null(index) {
                continue;
            }
            let (known_view, known_number) = &mut known[place_of(*view)];
            if known_view != view {
                let text = array.value(index);
                let found = self.app_ids.iter().position(|app_id| *app_id == text);
                let found = found.unwrap_or_else(|| {
                    self.app_ids.push(text);
                    self.app_ids.len() - 1
                });
                if found == APPS_MAX {
                    return None;
                }
                (*known_view, *known_number) = (*view, u8::try_from(found).ok()?);
            }
            *number = *known_number;
        }
        Some(())
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.seconds.len()
    }

    /// Who; the text may be empty or too long.
    #[inline]
    pub fn user_id(&self, index: usize) -> &'a str {
        self.user_ids.value(index)
    }

    /// When: Unix seconds, rounded down.
    #[inline]
    pub fn seconds(&self, index: usize) -> i64 {
        self.seconds[index]
    }

    /// In which app: a place in [`PlainRows::app_ids`].
    #[inline]
    pub fn app_number(&self, index: usize) -> usize {
        usize::from(self.app_numbers[index])
    }

    /// The apps that rows name, the first of which is none.
    pub fn app_ids(&self) -> &[&'a str] {
        &self.app_ids
    }
}

/// Where a view is remembered: any place will do, as long as it is the same for the same view, and different ones do not
/// crowd.
fn place_of(view: u128) -> usize {
    let mixed = ((view >> 64) ^ view).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    usize::from(mixed.to_le_bytes()[0]) & (APPS_MAX - 1)
}
