use crate::ReadError;
use crate::row::{shown, shown_to};

/// The names under which a file keeps what a row needs.
///
/// ```
/// use dauphin_dialects::Columns;
/// let columns = Columns::default().map("user_id=customer").unwrap();
/// assert_eq!((columns.user_id.as_str(), columns.time.as_str()), ("customer", "time"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Who.
    pub user_id: String,
    /// When.
    pub time: String,
    /// In which app. A file may lack it.
    pub app_id: String,
    /// In which session. A file may lack it.
    pub session_id: String,
}

/// Why a text is no mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a mapping; write it like `user_id=COL`, with `user_id`, `time`, `app_id` or `session_id` before the \
         `=`"
)]
pub struct MappingError(String);

impl Default for Columns {
    fn default() -> Self {
        let [user_id, time, app_id, session_id] = ["user_id", "time", "app_id", "session_id"].map(str::to_owned);
        Self { user_id, time, app_id, session_id }
    }
}

impl Columns {
    /// The same names but for the one that `mapping`, such as `user_id=COL`, replaces.
    pub fn map(mut self, mapping: &str) -> Result<Self, MappingError> {
        let wrong = || MappingError(mapping.chars().take(64).collect());
        let (field, name) = mapping.split_once('=').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
        let target = match field {
            "user_id" => &mut self.user_id,
            "time" => &mut self.time,
            "app_id" => &mut self.app_id,
            "session_id" => &mut self.session_id,
            _ => return Err(wrong()),
        };
        name.clone_into(target);
        Ok(self)
    }

    /// Finds these columns among all of a file's.
    pub(crate) fn find(&self, names: &[&str]) -> Result<ColumnIndices, ReadError> {
        let refuse = |what: String| {
            let all = shown_to(NAMES_CHARACTERS_MAX, &names.join(","));
            ReadError::Columns(format!("the file has {what}; its columns are `{all}`"))
        };
        let find = |name: &str| {
            let mut found = names.iter().enumerate().filter(|(_, other)| **other == name).map(|(index, _)| index);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(refuse(format!("two columns `{}`", shown(name)))),
                (found, _) => Ok(found),
            }
        };
        let require = |field: &str, name: &str| {
            let hint = || format!("no column `{}` (if it has another name, say `--map {field}=COL`)", shown(name));
            find(name)?.ok_or_else(|| refuse(hint()))
        };
        Ok(ColumnIndices {
            user_id: require("user_id", &self.user_id)?,
            time: require("time", &self.time)?,
            app_id: find(&self.app_id)?,
            session_id: find(&self.session_id)?,
        })
    }
}

/// Most characters of a file's column names that an error repeats.
const NAMES_CHARACTERS_MAX: usize = 512;

/// Where the columns of a row are among all of a file's, counted from 0.
#[derive(Debug, Clone)]
pub(crate) struct ColumnIndices {
    pub(crate) user_id: usize,
    pub(crate) time: usize,
    pub(crate) app_id: Option<usize>,
    pub(crate) session_id: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_one_field_and_a_column() {
        let columns = Columns::default().map("time=sent=at").unwrap();
        assert_eq!(columns.time, "sent=at");
        for wrong in ["", "user_id", "user_id=", "=x", "when=x", "USER_ID=x"] {
            let error = Columns::default().map(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{wrong}` is not a mapping")), "{error}");
        }
    }

    #[test]
    fn a_column_is_there_once_or_the_error_says_what_is() {
        let columns = Columns::default();
        let indices = columns.find(&["time", "x", "user_id"]).unwrap();
        assert_eq!((indices.user_id, indices.time, indices.app_id), (2, 0, None));
        let error = columns.find(&["who", "time"]).unwrap_err().to_string();
        let expected = "the file has no column `user_id` (if it has another name, say `--map user_id=COL`); \
                        its columns are `who,time`";
        assert_eq!(error, expected);
        let error = columns.find(&["user_id", "time", "app_id", "app_id"]).unwrap_err().to_string();
        assert!(error.starts_with("the file has two columns `app_id`; "), "{error}");
    }
}
