use arrow_array::{Array, StringViewArray};

use crate::time::whole_seconds;

/// Rows of a file column by column, where each has a user id that is text and a time, none has a session, and the apps
/// are few. What is wrong with a row is said when it is read as a [`Row`](crate::Row).
pub struct PlainRows<'a> {
    user_ids: UserIds<'a>,
    seconds: Vec<i64>,
    app_ids: Vec<&'a str>,
    /// Of each row.
    app_numbers: Vec<u8>,
}

enum UserIds<'a> {
    Views(&'a StringViewArray),
    Texts(Vec<&'a str>),
}

/// Apps of a batch.
const APPS_MAX: usize = 16;

/// The time of a row that is none: nobody takes it.
const NEVER: i64 = i64::MIN;

impl<'a> PlainRows<'a> {
    /// Without rows yet, which are added one by one.
    pub(crate) fn of_texts(row_count_max: usize) -> Self {
        Self {
            user_ids: UserIds::Texts(Vec::with_capacity(row_count_max)),
            seconds: Vec::with_capacity(row_count_max),
            app_ids: vec![""],
            app_numbers: Vec::with_capacity(row_count_max),
        }
    }

    /// Adds a row; `None` stands for one that must be read as a [`Row`](crate::Row). Returns whether there is no room for
    /// another app.
    #[inline]
    pub(crate) fn push(&mut self, row: Option<(&'a str, i64, &'a str)>) -> bool {
        let (user_id, seconds, app_id) = row.unwrap_or(("", NEVER, ""));
        if let UserIds::Texts(user_ids) = &mut self.user_ids {
            user_ids.push(user_id);
        }
        self.seconds.push(seconds);
        let known = self.app_ids.iter().position(|known| *known == app_id);
        let number = known.unwrap_or_else(|| {
            self.app_ids.push(app_id);
            self.app_ids.len() - 1
        });
        self.app_numbers.push(u8::try_from(number).expect("the apps are few"));
        self.app_ids.len() == APPS_MAX
    }

    pub(crate) fn of_columns(
        user_ids: &'a StringViewArray,
        (times, units_a_second): (&[i64], u32),
        app_ids: Option<&'a StringViewArray>,
    ) -> Option<Self> {
        let seconds = whole_seconds(times, units_a_second);
        let (user_ids, app_numbers) = (UserIds::Views(user_ids), vec![0; times.len()]);
        let mut rows = Self { user_ids, seconds, app_ids: vec![""], app_numbers };
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
        match &self.user_ids {
            UserIds::Views(views) => views.value(index),
            UserIds::Texts(texts) => texts[index],
        }
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
