use dauphin_model::Day;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Most marks along the time axis: more would touch.
const MARKS_MAX: usize = 14;

/// A mark on the time axis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    /// Which point it belongs to.
    pub(super) index: usize,
    /// The day, as short as can be told apart.
    pub(super) label: String,
    /// The year, below the first mark in it, where the series lies in more than one.
    pub(super) year: Option<String>,
}

/// `28 Jun 2018`.
pub(super) fn long(day: Day) -> String {
    format!("{} {}", short(day), year(day))
}

/// `28 Jun 2018`, or `22 Jun to 28 Jun 2018`, or with both years where they differ.
pub(super) fn range(first: Day, last: Day) -> String {
    if first == last {
        long(last)
    } else if year(first) == year(last) {
        format!("{} to {}", short(first), long(last))
    } else {
        format!("{} to {}", long(first), long(last))
    }
}

/// Where to mark the time axis of `count` days from `first` on: every day while they fit, then every other day, then
/// Mondays, then the first of months.
pub(super) fn marks(first: Day, count: usize) -> Vec<Mark> {
    let days: Vec<(usize, Day)> =
        (0..count).zip(first.number()..).filter_map(|(index, number)| Some((index, Day::new(number)?))).collect();
    let chosen: Vec<(usize, Day)> = match count {
        0..=MARKS_MAX => days,
        // Counted from the end, so that the latest day has a mark.
        15..=28 => days.into_iter().filter(|(index, _)| (count - 1 - index).is_multiple_of(2)).collect(),
        29..=98 => days.into_iter().filter(|(_, day)| weekday(*day) == 0).collect(),
        99..=196 => days.into_iter().filter(|(_, day)| weekday(*day) == 0).step_by(2).collect(),
        _ => {
            let months: Vec<_> = days.into_iter().filter(|(_, day)| day.to_string().ends_with("-01")).collect();
            let step = months.len().div_ceil(MARKS_MAX).max(1);
            months.into_iter().step_by(step).collect()
        }
    };
    let spans_years = chosen.first().zip(chosen.last()).is_some_and(|(a, b)| year(a.1) != year(b.1));
    let mut year_before = String::new();
    chosen
        .into_iter()
        .map(|(index, day)| {
            let label = if count <= 7 { format!("{} {}", WEEKDAYS[weekday(day)], short(day)) } else { short(day) };
            let is_new_year = spans_years && year(day) != year_before;
            year_before = year(day);
            Mark { index, label, year: is_new_year.then(|| year(day)) }
        })
        .collect()
}

/// `28 Jun`.
fn short(day: Day) -> String {
    let text = day.to_string();
    let month: usize = text[5..7].parse().expect("a day prints its month in two digits");
    format!("{} {}", text[8..].trim_start_matches('0'), MONTHS[month - 1])
}

fn year(day: Day) -> String {
    day.to_string()[..4].to_owned()
}

/// 0 for Monday; 1970-01-01 was a Thursday.
fn weekday(day: Day) -> usize {
    usize::try_from((day.number() + 3).rem_euclid(7)).expect("a remainder is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(first: &str, count: usize) -> String {
        let marks = marks(Day::parse(first).unwrap(), count);
        let show = |mark: &Mark| {
            let year = mark.year.as_ref().map(|year| format!("/{year}")).unwrap_or_default();
            format!("{}:{}{year}", mark.index, mark.label)
        };
        marks.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_range_names_each_year_once() {
        let day = |text| Day::parse(text).unwrap();
        assert_eq!(range(day("2018-06-28"), day("2018-06-28")), "28 Jun 2018");
        assert_eq!(range(day("2018-06-02"), day("2018-06-28")), "2 Jun to 28 Jun 2018");
        assert_eq!(range(day("2018-12-30"), day("2019-01-01")), "30 Dec 2018 to 1 Jan 2019");
    }

    #[test]
    fn marks_grow_apart_with_the_length() {
        assert_eq!(labels("2018-06-28", 1), "0:Thu 28 Jun");
        assert_eq!(labels("2018-12-30", 3), "0:Sun 30 Dec/2018 1:Mon 31 Dec 2:Tue 1 Jan/2019");
        assert_eq!(labels("2018-06-01", 8).split(' ').next().unwrap(), "0:1");
        assert_eq!(labels("2018-06-01", 15), "0:1 Jun 2:3 Jun 4:5 Jun 6:7 Jun 8:9 Jun 10:11 Jun 12:13 Jun 14:15 Jun");
        assert_eq!(labels("2018-06-01", 29), "3:4 Jun 10:11 Jun 17:18 Jun 24:25 Jun");
        assert_eq!(labels("2018-06-01", 400).split(' ').count(), 28);
        for count in 0..1000 {
            assert!(marks(Day::parse("2018-06-01").unwrap(), count).len() <= MARKS_MAX, "{count}");
        }
    }
}
