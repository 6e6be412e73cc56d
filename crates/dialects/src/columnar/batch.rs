use std::borrow::Cow;
use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt64Array};
use arrow_schema::{DataType, Schema, TimeUnit};
use dauphin_model::{Day, Instant, Zone};

use crate::row::{checked_session_id, checked_user_id};
use crate::time::{instant_of_fraction, instant_of_text, instant_of_whole, out_of_range, seconds_and_nanos};
use crate::{Columns, Element, PlainRows, ReadError, Reject, Row};

/// Refuses a file before its first row when a column has a type of which no row can be made.
pub(super) fn check_types(schema: &Schema, identifiers: [Option<usize>; 3], time: usize) -> Result<(), ReadError> {
    for index in identifiers.into_iter().flatten() {
        let field = schema.field(index);
        if !is_text_or_whole(field.data_type()) {
            return Err(wrong_type(field.name(), field.data_type(), "text or whole numbers"));
        }
    }
    let field = schema.field(time);
    match field.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Float32 | DataType::Float64 => Ok(()),
        other if is_text_or_whole(other) => Ok(()),
        other => Err(wrong_type(field.name(), other, "timestamps, dates, text or Unix seconds")),
    }
}

fn is_text_or_whole(data_type: &DataType) -> bool {
    *data_type == DataType::Utf8View || data_type.is_integer()
}

fn wrong_type(name: &str, data_type: &DataType, right: &str) -> ReadError {
    ReadError::Columns(format!("the column `{name}` has the type {data_type}; it must hold {right}"))
}

/// Which of the columns that a file may lack are there.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) app_id: bool,
    pub(super) session_id: bool,
}

/// Some rows of a Parquet file, decoded.
pub struct ParquetBatch<'a> {
    first_line: u64,
    columns: &'a Columns,
    user_id: TextColumn<'a>,
    time: TimeColumn<'a>,
    app_id: Option<TextColumn<'a>>,
    session_id: Option<TextColumn<'a>>,
    arrays: Vec<(&'a str, &'a ArrayRef)>,
}

impl<'a> ParquetBatch<'a> {
    pub(super) fn new(
        batch: &'a RecordBatch,
        first_line: u64,
        columns: &'a Columns,
        found: Found,
    ) -> Result<Self, ReadError> {
        let find = |name: &'a str| {
            let array = batch.column_by_name(name);
            array.map(|array| (name, array)).ok_or_else(|| ReadError::Parquet(format!("the column `{name}` is gone")))
        };
        let mut arrays = vec![find(&columns.user_id)?, find(&columns.time)?];
        let mut identifier = |name: &'a str, is_there: bool| {
            let array = is_there.then(|| find(name)).transpose()?;
            arrays.extend(array);
            array.map(TextColumn::new).transpose()
        };
        let app_id = identifier(&columns.app_id, found.app_id)?;
        let session_id = identifier(&columns.session_id, found.session_id)?;
        Ok(Self {
            first_line,
            columns,
            user_id: TextColumn::new(arrays[0])?,
            time: TimeColumn::new(arrays[1])?,
            app_id,
            session_id,
            arrays,
        })
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.arrays[0].1.len()
    }

    /// Hands every row to `sink`, in order.
    pub fn deliver(&self, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
        self.deliver_some(0..self.row_count(), zone, sink);
    }

    /// Hands the rows with these numbers, counted from 0 in the batch, to `sink`.
    pub fn deliver_some(&self, rows: impl IntoIterator<Item = usize>, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
        let mut digits = [const { String::new() }; 3];
        for index in rows {
            let line = self.first_line + index as u64;
            sink(match self.row(index, line, zone, &mut digits) {
                Ok(row) => Element::Row(row),
                Err(reason) => Element::Reject(Reject::new(line, reason, self.input(index).as_bytes())),
            });
        }
    }

    /// The rows as their columns, if these are what those of most files are.
    pub fn plain(&self) -> Option<PlainRows<'a>> {
        let TextColumn::Text(user_ids) = self.user_id else { return None };
        let TimeColumn::Timestamps { has_nulls: false, values, units_a_second, is_local: false, .. } = self.time else {
            return None;
        };
        let app_ids = match self.app_id {
            None => None,
            Some(TextColumn::Text(app_ids)) => Some(app_ids),
            Some(TextColumn::Whole(_)) => return None,
        };
        if self.session_id.is_some() || user_ids.null_count() > 0 {
            return None;
        }
        PlainRows::of_columns(user_ids, (values, units_a_second), app_ids)
    }

    fn row<'b>(
        &'b self,
        index: usize,
        line: u64,
        zone: &Zone,
        [user_id_digits, app_id_digits, session_id_digits]: &'b mut [String; 3],
    ) -> Result<Row<'b>, String> {
        let user_id = self.user_id.get(index, user_id_digits);
        let user_id = user_id.ok_or_else(|| format!("`{}` is null", self.columns.user_id))?;
        let user_id = checked_user_id(Cow::Borrowed(user_id))?;
        let instant = self.time.get(index, zone).unwrap_or_else(|| Err(format!("`{}` is null", self.columns.time)))?;
        let app_id = self.app_id.as_ref().and_then(|column| column.get(index, app_id_digits));
        let app_id = app_id.filter(|text| !text.is_empty()).map(Cow::Borrowed);
        let session_id = self.session_id.as_ref().and_then(|column| column.get(index, session_id_digits));
        let session_id = checked_session_id(session_id.map(Cow::Borrowed))?;
        Ok(Row { line, user_id, app_id, instant: Some(instant), session_id })
    }

    /// A rejected row has no line of text; its values stand for it.
    #[cold]
    fn input(&self, index: usize) -> String {
        let text = |column: &TextColumn<'_>| column.get(index, &mut String::new()).map(str::to_owned);
        let optional = [&self.app_id, &self.session_id].map(|column| column.as_ref().map(text));
        let values = [Some(text(&self.user_id)), Some(self.time.shown(index))].into_iter().chain(optional);
        let named = self.arrays.iter().zip(values.flatten());
        let named: Vec<String> =
            named.map(|((name, _), value)| format!("{name}={}", value.as_deref().unwrap_or("null"))).collect();
        named.join(", ")
    }
}

/// A column of identifiers.
enum TextColumn<'a> {
    Text(&'a StringViewArray),
    Whole(WholeColumn),
}

impl<'a> TextColumn<'a> {
    fn new((name, array): (&'a str, &'a ArrayRef)) -> Result<Self, ReadError> {
        match array.data_type() {
            DataType::Utf8View => Ok(Self::Text(array.as_string_view())),
            _ => WholeColumn::new(name, array).map(Self::Whole),
        }
    }

    /// The text, or a number's digits, for which `digits` is a place to write them; `None` when null.
    fn get<'b>(&'b self, index: usize, digits: &'b mut String) -> Option<&'b str> {
        match self {
            Self::Text(array) => (!array.is_null(index)).then(|| array.value(index)),
            Self::Whole(column) => {
                digits.clear();
                write!(digits, "{}", column.get(index)?).expect("a string takes any text");
                Some(digits)
            }
        }
    }
}

/// A column of whole numbers of any width.
enum WholeColumn {
    Signed(Int64Array),
    Unsigned(UInt64Array),
}

impl WholeColumn {
    fn new(name: &str, array: &ArrayRef) -> Result<Self, ReadError> {
        Ok(Self::Signed(match array.data_type() {
            DataType::Int8 => array.as_primitive::<Int8Type>().unary(i64::from),
            DataType::Int16 => array.as_primitive::<Int16Type>().unary(i64::from),
            DataType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
            DataType::Int64 => array.as_primitive::<Int64Type>().clone(),
            DataType::UInt8 => array.as_primitive::<UInt8Type>().unary(i64::from),
            DataType::UInt16 => array.as_primitive::<UInt16Type>().unary(i64::from),
            DataType::UInt32 => array.as_primitive::<UInt32Type>().unary(i64::from),
            DataType::UInt64 => return Ok(Self::Unsigned(array.as_primitive::<UInt64Type>().clone())),
            other => return Err(wrong_type(name, other, "whole numbers")),
        }))
    }

    fn get(&self, index: usize) -> Option<i128> {
        match self {
            Self::Signed(array) => (!array.is_null(index)).then(|| array.value(index).into()),
            Self::Unsigned(array) => (!array.is_null(index)).then(|| array.value(index).into()),
        }
    }
}

/// A column of times.
enum TimeColumn<'a> {
    Text(&'a StringViewArray),
    Timestamps { array: &'a ArrayRef, has_nulls: bool, values: &'a [i64], units_a_second: u32, is_local: bool },
    Days(Date32Array),
    Whole(WholeColumn),
    Fraction(Float64Array),
}

const DAY_MILLISECONDS: i64 = 86_400_000;

impl<'a> TimeColumn<'a> {
    fn new((name, array): (&'a str, &'a ArrayRef)) -> Result<Self, ReadError> {
        // A date in milliseconds that is further away than any day of the calendar stays further away.
        let day_of = |milliseconds: i64| i32::try_from(milliseconds.div_euclid(DAY_MILLISECONDS)).unwrap_or(i32::MAX);
        Ok(match array.data_type() {
            DataType::Utf8View => Self::Text(array.as_string_view()),
            DataType::Timestamp(unit, zone) => {
                let (values, units_a_second): (&[i64], u32) = match unit {
                    TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().values(), 1),
                    TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().values(), 1_000),
                    TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().values(), 1_000_000),
                    TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().values(), 1_000_000_000),
                };
                let (has_nulls, is_local) = (array.null_count() > 0, zone.is_none());
                Self::Timestamps { array, has_nulls, values, units_a_second, is_local }
            }
            DataType::Date32 => Self::Days(array.as_primitive::<Date32Type>().clone()),
            DataType::Date64 => Self::Days(array.as_primitive::<Date64Type>().unary(day_of)),
            DataType::Float32 => Self::Fraction(array.as_primitive::<Float32Type>().unary(f64::from)),
            DataType::Float64 => Self::Fraction(array.as_primitive::<Float64Type>().clone()),
            _ => Self::Whole(WholeColumn::new(name, array)?),
        })
    }

    /// The instant, or why there is none; `None` when null.
    fn get(&self, index: usize, zone: &Zone) -> Option<Result<Instant, String>> {
        match self {
            Self::Text(array) => (!array.is_null(index)).then(|| instant_of_text(array.value(index), zone)),
            Self::Timestamps { array, has_nulls, values, units_a_second, is_local } => {
                (!*has_nulls || !array.is_null(index)).then(|| {
                    let count = values[index];
                    let (seconds, nanos) = seconds_and_nanos(count, *units_a_second);
                    let instant =
                        if *is_local { zone.instant_of_local(seconds, nanos) } else { Instant::new(seconds, nanos) };
                    instant.ok_or_else(|| out_of_range(&seconds.to_string()))
                })
            }
            Self::Days(array) => (!array.is_null(index)).then(|| {
                let number = array.value(index);
                let instant = Day::new(number).and_then(|day| zone.start_of(day));
                instant.ok_or_else(|| out_of_range(&format!("day {number} from 1970-01-01")))
            }),
            Self::Whole(column) => column.get(index).map(|number| match i64::try_from(number) {
                Ok(seconds) => instant_of_whole(seconds),
                Err(_) => instant_of_fraction(number as f64),
            }),
            Self::Fraction(array) => (!array.is_null(index)).then(|| instant_of_fraction(array.value(index))),
        }
    }

    /// The value as a rejected row shows it: text and numbers as they are, times in UTC; `None` when null.
    #[cold]
    fn shown(&self, index: usize) -> Option<String> {
        match self {
            Self::Text(array) => (!array.is_null(index)).then(|| array.value(index).to_owned()),
            Self::Whole(column) => column.get(index).map(|number| number.to_string()),
            Self::Fraction(array) => (!array.is_null(index)).then(|| array.value(index).to_string()),
            Self::Days(_) | Self::Timestamps { .. } => {
                self.get(index, &Zone::utc()).map(|time| time.map_or_else(|reason| reason, |time| time.to_string()))
            }
        }
    }
}
