mod date;
mod number;
mod strip;
mod writer;

use std::borrow::Cow;

use dauphin_model::Day;

pub use strip::Strip;

/// A series as it is answered: a time and one or more values a point.
///
/// ```
/// use dauphin_api::{Column, Format, Language, Points};
/// use dauphin_model::Day;
/// let first = Day::from_civil(2018, 6, 28).unwrap();
/// let points = Points::daily(first, vec![Column::integers("dau", vec![123])]);
/// let mut body = Vec::new();
/// points.write(Format::Json, Language::English, &mut body);
/// assert_eq!(body, br#"{"data":[{"time":"2018-06-28","dau":123}],"message":"success"}"#);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Points {
    /// The times.
    pub times: Times,
    /// The values, column by column, in the order of the answer; all columns are equally long.
    pub columns: Vec<Column>,
    /// Values that stand together under a name of their own, after the columns.
    pub groups: Vec<Group>,
}

/// The times of a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Times {
    /// Consecutive days from this one on.
    DaysFrom(Day),
    /// Consecutive hours: the start of each in RFC 3339.
    Hours(Vec<String>),
}

/// Values of a point that stand together: an object in JSON, and in CSV columns named `group.column`.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Its key in the answer: plain letters and underscores.
    pub name: &'static str,
    /// Its values; all columns are as long as those of the points.
    pub columns: Vec<Column>,
    /// What JSON does with a 0.
    pub zeros: Zeros,
}

/// What becomes of a 0 in the JSON of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zeros {
    /// It is written like any number.
    Kept,
    /// It is not written.
    LeftOut,
}

/// One kind of value over the days of a series.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// Its key in the answer: in a group any text, elsewhere plain letters and underscores.
    pub name: Cow<'static, str>,
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
    pub fn integers(name: impl Into<Cow<'static, str>>, values: Vec<i64>) -> Self {
        Self { name: name.into(), values: Values::Integers(values) }
    }

    /// A column of quotients.
    pub fn ratios(name: impl Into<Cow<'static, str>>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values: Values::Ratios(values) }
    }
}

impl Points {
    /// A point a day, without groups.
    pub const fn daily(first: Day, columns: Vec<Column>) -> Self {
        Self { times: Times::DaysFrom(first), columns, groups: Vec::new() }
    }

    /// The day of the first point.
    pub fn first_day(&self) -> Day {
        match &self.times {
            Times::DaysFrom(first) => *first,
            Times::Hours(hours) => hours.first().and_then(|hour| Day::parse(hour.get(..10)?)).unwrap_or(Day::MIN),
        }
    }

    /// The time of a point.
    pub fn time(&self, index: usize) -> String {
        match &self.times {
            Times::DaysFrom(first) => {
                let day = i32::try_from(index).ok().and_then(|days| first.offset(days));
                day.map(|day| day.to_string()).unwrap_or_default()
            }
            Times::Hours(hours) => hours.get(index).cloned().unwrap_or_default(),
        }
    }

    /// The same with each group's values as columns named `group.column`: what fits into a table.
    pub fn flattened(&self) -> Self {
        let of_group = |group: &Group| {
            let name = group.name;
            let columns = group.columns.iter().cloned();
            columns
                .map(move |column| Column { name: format!("{name}.{}", column.name).into(), ..column })
                .collect::<Vec<_>>()
        };
        let columns = self.columns.iter().cloned().chain(self.groups.iter().flat_map(of_group)).collect();
        Self { times: self.times.clone(), columns, groups: Vec::new() }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.columns.iter().map(|column| column.values.len()).min().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Language};

    fn written(points: &Points, format: Format, language: Language) -> String {
        let mut body = Vec::new();
        points.write(format, language, &mut body);
        String::from_utf8(body).unwrap()
    }

    fn points(first: &str, columns: Vec<Column>) -> Points {
        Points::daily(Day::parse(first).unwrap(), columns)
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
    fn a_group_is_an_object_or_more_columns() {
        let group = |name, zeros, columns| Group { name, columns, zeros };
        let apps = vec![Column::integers("a\"b", vec![1, 0]), Column::integers("c,d", vec![2, 3])];
        let changes = vec![Column::integers("late", vec![2, 0]), Column::integers("link", vec![-1, 0])];
        let points = Points {
            times: Times::Hours(vec!["2018-06-28T23:00:00-05:00".into(), "2018-06-29T00:00:00-05:00".into()]),
            columns: vec![Column::integers("all_apps", vec![3, 4])],
            groups: vec![group("apps", Zeros::Kept, apps), group("changes", Zeros::LeftOut, changes)],
        };
        assert_eq!(
            written(&points, Format::Json, Language::English),
            r#"{"data":[{"time":"2018-06-28T23:00:00-05:00","all_apps":3,"apps":{"a\"b":1,"c,d":2},"changes":{"late":2,"link":-1}},{"time":"2018-06-29T00:00:00-05:00","all_apps":4,"apps":{"a\"b":0,"c,d":3},"changes":{}}],"message":"success"}"#
        );
        assert_eq!(
            written(&points, Format::Csv, Language::English),
            "time,all_apps,\"apps.a\"\"b\",\"apps.c,d\",changes.late,changes.link\n\
             2018-06-28T23:00:00-05:00,3,1,2,2,-1\n2018-06-29T00:00:00-05:00,4,0,3,0,0\n"
        );
        assert_eq!(
            (points.time(1), points.first_day().to_string()),
            ("2018-06-29T00:00:00-05:00".into(), "2018-06-28".into())
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
