mod date;
mod number;
mod writer;

use dauphin_model::Day;

use crate::{Format, Language};

/// A series as it is answered: consecutive days from `first` on, and one or more values a day.
///
/// ```
/// use dauphin_api::{Column, Format, Language, Points};
/// use dauphin_model::Day;
/// let first = Day::from_civil(2018, 6, 28).unwrap();
/// let points = Points { first, columns: vec![Column::integers("dau", vec![123])] };
/// let mut body = Vec::new();
/// points.write(Format::Json, Language::English, &mut body);
/// assert_eq!(body, br#"{"data":[{"time":"2018-06-28","dau":123}],"message":"success"}"#);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Points {
    /// Day of the first point.
    pub first: Day,
    /// The values, column by column, in the order of the answer; all columns are equally long.
    pub columns: Vec<Column>,
}

/// One kind of value over the days of a series.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// Its key in the answer: plain letters and underscores.
    pub name: &'static str,
    /// Its values, oldest first.
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, PartialEq, Debug)]
pub enum Values {
    /// Counts of users.
    Integers(Vec<i64>),
    /// Quotients of counts, finite; where the denominator is 0, whoever divides says 0.
    Ratios(Vec<f64>),
}

impl Values {
    /// Number of values.
    pub const fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Ratios(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Column {
    /// A column of counts.
    pub const fn integers(name: &'static str, values: Vec<i64>) -> Self {
        Self { name, values: Values::Integers(values) }
    }

    /// A column of quotients.
    pub const fn ratios(name: &'static str, values: Vec<f64>) -> Self {
        Self { name, values: Values::Ratios(values) }
    }
}

impl Points {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.columns.iter().map(|column| column.values.len()).min().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the whole body of the answer.
    pub fn write(&self, format: Format, language: Language, body: &mut Vec<u8>) {
        match format {
            Format::Json => self.write_json(language, body),
            Format::Csv => self.write_csv(language, body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(points: &Points, format: Format, language: Language) -> String {
        let mut body = Vec::new();
        points.write(format, language, &mut body);
        String::from_utf8(body).unwrap()
    }

    fn points(first: &str, columns: Vec<Column>) -> Points {
        Points { first: Day::parse(first).unwrap(), columns }
    }

    #[test]
    fn json_is_what_braze_documents() {
        let points = points("2018-06-28", vec![Column::integers("dau", vec![123, 0, 1_234_567])]);
        assert_eq!(
            written(&points, Format::Json, Language::English),
            r#"{"data":[{"time":"2018-06-28","dau":123},{"time":"2018-06-29","dau":0},{"time":"2018-06-30","dau":1234567}],"message":"success"}"#
        );
        assert_eq!(
            written(&points, Format::Csv, Language::English),
            "time,dau\n2018-06-28,123\n2018-06-29,0\n2018-06-30,1234567\n"
        );
    }

    #[test]
    fn the_french_page_has_french_keys() {
        let points = points("2018-06-28", vec![Column::integers("dau", vec![10])]);
        assert_eq!(
            written(&points, Format::Json, Language::French),
            r#"{"données":[{"temps":"2018-06-28","dau":10}],"message":"success"}"#
        );
        assert_eq!(written(&points, Format::Csv, Language::French), "temps,dau\n2018-06-28,10\n");
    }

    #[test]
    fn a_point_has_as_many_values_as_there_are_columns() {
        let points = points(
            "2023-12-31",
            vec![
                Column::integers("dau", vec![5, 0]),
                Column::integers("active", vec![40, -3]),
                Column::ratios("stickiness", vec![0.125, 0.0]),
            ],
        );
        assert_eq!(
            written(&points, Format::Json, Language::English),
            r#"{"data":[{"time":"2023-12-31","dau":5,"active":40,"stickiness":0.125},{"time":"2024-01-01","dau":0,"active":-3,"stickiness":0.0}],"message":"success"}"#
        );
        assert_eq!(
            written(&points, Format::Csv, Language::English),
            "time,dau,active,stickiness\n2023-12-31,5,40,0.125\n2024-01-01,0,-3,0.0\n"
        );
    }

    #[test]
    fn no_points_are_an_empty_list() {
        let points = points("2018-06-28", vec![Column::integers("dau", vec![])]);
        assert_eq!(written(&points, Format::Json, Language::English), r#"{"data":[],"message":"success"}"#);
        assert_eq!(written(&points, Format::Csv, Language::English), "time,dau\n");
        assert!(points.is_empty());
    }
}
