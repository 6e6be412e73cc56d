use dauphin_model::Day;

/// Days as the ten bytes `YYYY-MM-DD`, one after the other: cheaper than a division from scratch for each point of an
/// answer.
pub(super) struct DateText {
    /// `YYYY-MM-`.
    month: [u8; 8],
    day_of_month: u8,
    days_in_month: u8,
}

/// Bytes of a date.
pub(super) const DATE_BYTES: usize = 10;

impl DateText {
    pub(super) fn new(day: Day) -> Self {
        let [month @ .., tens, ones] = day.to_bytes();
        Self { month, day_of_month: two_digits(tens, ones), days_in_month: days_in_month(month) }
    }

    /// Writes the day and moves on to the next. After 9999-12-31 comes 0000-01-01, which no series reaches.
    pub(super) fn write_next(&mut self, text: &mut [u8; DATE_BYTES]) {
        let [month @ .., tens, ones] = text;
        *month = self.month;
        (*tens, *ones) = (b'0' + self.day_of_month / 10, b'0' + self.day_of_month % 10);
        self.day_of_month += 1;
        if self.day_of_month > self.days_in_month {
            self.advance_month();
        }
    }

    #[cold]
    fn advance_month(&mut self) {
        if self.month[5..7] == *b"12" {
            self.month[5..7].copy_from_slice(b"01");
            increment(&mut self.month[..4]);
        } else {
            increment(&mut self.month[5..7]);
        }
        (self.day_of_month, self.days_in_month) = (1, days_in_month(self.month));
    }
}

fn days_in_month([y1, y2, y3, y4, _, m1, m2, _]: [u8; 8]) -> u8 {
    match two_digits(m1, m2) {
        4 | 6 | 9 | 11 => 30,
        2 => {
            // A century is a leap year when its own number divides by four.
            let (century, year) = (two_digits(y1, y2), two_digits(y3, y4));
            let is_leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
            if is_leap { 29 } else { 28 }
        }
        _ => 31,
    }
}

const fn two_digits(tens: u8, ones: u8) -> u8 {
    (tens - b'0') * 10 + (ones - b'0')
}

/// Adds one to a number in decimal digits, from the right.
fn increment(digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &mut DateText) -> [u8; DATE_BYTES] {
        let mut bytes = [0; DATE_BYTES];
        text.write_next(&mut bytes);
        bytes
    }

    #[test]
    fn every_day_of_the_calendar_follows_the_one_before() {
        let mut text = DateText::new(Day::MIN);
        for number in Day::MIN.number()..=Day::MAX.number() {
            let day = Day::new(number).unwrap();
            assert_eq!(next(&mut text), day.to_bytes());
        }
    }

    #[test]
    fn it_may_start_on_any_day() {
        for start in ["2024-02-28", "2023-02-28", "1900-02-28", "2000-02-29", "2023-12-31", "2023-04-30"] {
            let day = Day::parse(start).unwrap();
            let mut text = DateText::new(day);
            next(&mut text);
            assert_eq!(next(&mut text), day.offset(1).unwrap().to_bytes(), "{start}");
        }
    }
}
