use dauphin_model::Day;

/// A day as the ten bytes `YYYY-MM-DD`, turned over to the next day in place: cheaper than a division from scratch for
/// each point of an answer.
pub(super) struct DateText {
    bytes: [u8; 10],
    days_left_in_month: u8,
}

impl DateText {
    pub(super) fn new(day: Day) -> Self {
        let mut text = Self { bytes: day.to_bytes(), days_left_in_month: 0 };
        text.days_left_in_month = text.days_in_month() - two_digits(text.bytes[8], text.bytes[9]);
        text
    }

    pub(super) const fn bytes(&self) -> &[u8; 10] {
        &self.bytes
    }

    /// Moves on by a day. After 9999-12-31 comes 0000-01-01, which no series reaches.
    pub(super) fn advance(&mut self) {
        if self.days_left_in_month > 0 {
            self.days_left_in_month -= 1;
            increment(&mut self.bytes[8..10]);
            return;
        }
        self.bytes[8..].copy_from_slice(b"01");
        if self.bytes[5..7] == *b"12" {
            self.bytes[5..7].copy_from_slice(b"01");
            increment(&mut self.bytes[..4]);
        } else {
            increment(&mut self.bytes[5..7]);
        }
        self.days_left_in_month = self.days_in_month() - 1;
    }

    fn days_in_month(&self) -> u8 {
        let [y1, y2, y3, y4, _, m1, m2, ..] = self.bytes;
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

    #[test]
    fn every_day_of_the_calendar_follows_the_one_before() {
        let mut text = DateText::new(Day::MIN);
        for number in Day::MIN.number()..=Day::MAX.number() {
            let day = Day::new(number).unwrap();
            assert_eq!(text.bytes(), &day.to_bytes());
            text.advance();
        }
    }

    #[test]
    fn it_may_start_on_any_day() {
        for start in ["2024-02-28", "2023-02-28", "1900-02-28", "2000-02-29", "2023-12-31", "2023-04-30"] {
            let day = Day::parse(start).unwrap();
            let mut text = DateText::new(day);
            text.advance();
            assert_eq!(text.bytes(), &day.offset(1).unwrap().to_bytes(), "{start}");
        }
    }
}
