use std::fmt::Write as _;
use std::time::Duration;

/// The text format of Prometheus, version 0.0.4: for each metric its help and type, then its values.
#[derive(Default)]
pub struct Text {
    text: String,
    /// The metric whose values follow.
    name: &'static str,
}

type Labels<'a> = [(&'a str, &'a str)];

impl Text {
    /// Begins a metric.
    pub fn begin(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A whole number.
    pub fn value(&mut self, labels: &Labels<'_>, value: u64) {
        self.sample("", labels, format_args!("{value}"));
    }

    /// A time.
    pub fn seconds(&mut self, labels: &Labels<'_>, time: Duration) {
        self.sample("", labels, format_args!("{}", time.as_secs_f64()));
    }

    /// Counts by step, each with an upper bound but for the last.
    pub fn histogram(&mut self, labels: &Labels<'_>, bounds: &[Duration], counts: &[u64], time: Duration) {
        let mut sum = 0;
        for (index, count) in counts.iter().enumerate() {
            sum += count;
            let bound = bounds.get(index).map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample("_bucket", &labels, format_args!("{sum}"));
        }
        self.sample("_sum", labels, format_args!("{}", time.as_secs_f64()));
        self.sample("_count", labels, format_args!("{sum}"));
    }

    fn sample(&mut self, suffix: &str, labels: &Labels<'_>, value: std::fmt::Arguments<'_>) {
        let name = self.name;
        self.push(format_args!("{name}{suffix}"));
        for (index, (label, text)) in labels.iter().enumerate() {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let opening = if index == 0 { '{' } else { ',' };
            self.push(format_args!("{opening}{label}=\"{escaped}\""));
        }
        let closing = if labels.is_empty() { "" } else { "}" };
        self.push(format_args!("{closing} {value}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("writing to memory does not fail");
    }

    /// The whole text.
    pub fn into_string(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_as_the_format_says() {
        let mut text = Text::default();
        text.begin("a_total", "counter", "Things.");
        text.value(&[], 5);
        text.value(&[("path", "/x"), ("odd", "a\"b\\c\nd")], 6);
        text.begin("t_seconds", "histogram", "Times.");
        let bounds = [Duration::from_micros(500), Duration::from_secs(1)];
        text.histogram(&[("path", "/x")], &bounds, &[1, 0, 2], Duration::from_millis(2500));
        assert_eq!(
            text.into_string(),
            "\
# HELP a_total Things.
# TYPE a_total counter
a_total 5
a_total{path=\"/x\",odd=\"a\\\"b\\\\c\\nd\"} 6
# HELP t_seconds Times.
# TYPE t_seconds histogram
t_seconds_bucket{path=\"/x\",le=\"0.0005\"} 1
t_seconds_bucket{path=\"/x\",le=\"1\"} 1
t_seconds_bucket{path=\"/x\",le=\"+Inf\"} 3
t_seconds_sum{path=\"/x\"} 2.5
t_seconds_count{path=\"/x\"} 3
"
        );
    }
}
