use indicatif::{ProgressBar, ProgressStyle};

use super::Counts;

/// A bar on a terminal, nothing elsewhere.
pub fn bar(name: &str, byte_count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:32} {bytes}/{total_bytes} {eta} left, {msg}");
    let bar = ProgressBar::new(byte_count).with_prefix(name.to_owned());
    bar.set_style(style.expect("a fixed template"));
    bar
}

pub fn show(bar: &ProgressBar, bytes: u64, counts: Counts) {
    bar.set_position(bytes);
    bar.set_message(format!("{} rows, {} new, {} rejected", counts.rows, counts.new_user_days, counts.rejected));
}
