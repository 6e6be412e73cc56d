use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant as Stopwatch;

use anyhow::Context;

use super::BenchOptions;
use super::measure::{Measures, repeat};
use super::stand::{Stand, open};

const RUNS_MAX: usize = 3;

/// Opens the directory again: after a crash, after closing it, and in a process of its own, whose memory is read.
/// Gives it back open.
pub fn measure(
    stand: Stand,
    options: &BenchOptions,
    directory: &Path,
    measures: &mut Measures,
) -> anyhow::Result<Stand> {
    let users = stand.engine.stats().profile_count.max(1) as f64;
    measures.add("data directory", "bytes/user", vec![stand.byte_count()? as f64 / users]);
    let copy = directory.join("copy");
    let after_crash = repeat(options.budget, RUNS_MAX, || {
        stand.copy_to(&copy)?;
        let seconds = seconds_to_open(&copy, options)?;
        fs::remove_dir_all(&copy)?;
        Ok(seconds)
    })?;
    measures.add("open after a crash", "s", after_crash);
    stand.close()?;
    let after_close = repeat(options.budget, RUNS_MAX, || seconds_to_open(&stand.path, options))?;
    measures.add("open after closing", "s", after_close);

    let served = repeat(options.budget, RUNS_MAX, || serve(&stand.path))?;
    measures.add("`dauphin serve` to ready", "s", served.iter().map(|served| served.seconds_to_ready).collect());
    let column = |of: fn(&Served) -> Option<u64>| -> Vec<f64> {
        served.iter().filter_map(of).map(|bytes| bytes as f64 / users).collect()
    };
    measures.add("memory of the process, once ready", "bytes/user", column(|served| served.resident));
    measures.add("memory of the process, greatest", "bytes/user", column(|served| served.resident_max));
    stand.reopen(options.thread_count)
}

fn seconds_to_open(path: &Path, options: &BenchOptions) -> anyhow::Result<f64> {
    let started = Stopwatch::now();
    let engine = open(path, options.thread_count)?;
    let seconds = started.elapsed().as_secs_f64();
    engine.close()?;
    Ok(seconds)
}

/// What a server says about itself right after it is ready. Bytes where the system tells them.
struct Served {
    seconds_to_ready: f64,
    resident: Option<u64>,
    resident_max: Option<u64>,
}

/// A child that does not outlive this.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(path: &Path) -> anyhow::Result<Served> {
    let program = std::env::current_exe().context("find this program")?;
    let started = Stopwatch::now();
    let mut child = Command::new(program);
    child.arg("serve").arg("--data").arg(path).args(["--listen", "127.0.0.1:0"]);
    let mut child = Killed(child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?);
    let talk = child.0.stderr.take().context("listen to the server")?;
    let mut lines = BufReader::new(talk).lines();
    let ready = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("listening on ")));
    ready.context("the server did not start")??;
    let seconds_to_ready = started.elapsed().as_secs_f64();
    let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap_or_default();
    let field = |name| kibibytes(&status, name).map(|kibibytes| kibibytes * 1024);
    Ok(Served { seconds_to_ready, resident: field("VmRSS:"), resident_max: field("VmHWM:") })
}

/// A field of `/proc/<process>/status`.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_system_is_a_number_or_absent() {
        let status = "Name:\tdauphin\nVmHWM:\t  123456 kB\nVmRSS:\t   98765 kB\nThreads:\t4\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(98_765));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
        assert_eq!(kibibytes("", "VmRSS:"), None);
    }
}
