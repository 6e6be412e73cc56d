//! How much memory the process may use, and how much of it the state.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dauphin_engine::Backend;

/// The least that a process works in.
pub const PROCESS_BYTES_MIN: usize = 128 << 20;

/// What the state may take when the process may use `process_bytes_max`; by default nine tenths of what the system says
/// it may. Where the system says nothing there is no limit.
///
/// An eighth is left for tables that are copied while they grow, and 64 MiB for requests, queues and the store's cache.
pub fn state_bytes_max(process_bytes_max: Option<usize>) -> usize {
    match process_bytes_max.or_else(of_system) {
        Some(bytes) => (bytes - bytes / 8).saturating_sub(64 << 20),
        None => usize::MAX,
    }
}

/// Nine tenths of the least of what the machine has left, what the control group allows, and the limit of addresses.
fn of_system() -> Option<usize> {
    let text = |path: &Path| fs::read_to_string(path).ok();
    let available = text(Path::new("/proc/meminfo")).and_then(|text| kibibytes(&text, "MemAvailable:"));
    let addresses = text(Path::new("/proc/self/limits")).and_then(|text| address_space(&text));
    let groups = text(Path::new("/proc/self/cgroup")).map(|text| limit_files(&text)).unwrap_or_default();
    // A group without a limit says `max`, or a number beyond any machine.
    let groups = groups.iter().filter_map(|path| text(path)?.trim().parse().ok());
    let bytes = groups.chain(available).chain(addresses).min()?;
    Some(bytes / 10 * 9)
}

/// A field of `/proc/meminfo`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<usize> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// The soft limit in `/proc/self/limits`, if there is one.
fn address_space(text: &str) -> Option<usize> {
    let value = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    value.split_whitespace().next()?.parse().ok()
}

/// Where the limits of the process's control groups stand, of either version, from `/proc/self/cgroup`: each group is held
/// to the limits of those it lies in.
fn limit_files(text: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (mount, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|of| of == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let inside = Path::new(group.trim_start_matches('/'));
        files.extend(inside.ancestors().map(|group| Path::new(mount).join(group).join(name)));
    }
    files
}

/// How often is looked whether memory runs out.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// How full memory is, as far as anybody must know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fill {
    Plenty,
    /// Four fifths are taken.
    Short,
    Full,
}

impl Fill {
    const fn of(taken: usize, most: usize) -> Self {
        if taken >= most {
            Self::Full
        } else if taken / 4 >= most / 5 {
            Self::Short
        } else {
            Self::Plenty
        }
    }
}

/// Says in the log when memory runs short, and when it is full. Runs until it is dropped.
pub async fn watch(engine: &dyn Backend) {
    let mut told = Fill::Plenty;
    loop {
        let stats = engine.stats();
        let (taken, most, users) = (stats.state_byte_count, stats.state_bytes_max, stats.profile_count);
        let fill = Fill::of(taken, most);
        if fill > told {
            let (taken, most) = (taken >> 20, most >> 20);
            match fill {
                Fill::Plenty => {}
                Fill::Short => tracing::warn!(
                    "memory runs short: {users} users take {taken} MiB of the {most} MiB that they may; when all is \
                     taken, new users and new active days are refused. Give the process more, or raise --memory-max"
                ),
                Fill::Full => tracing::error!(
                    "memory is full: {users} users take all of the {most} MiB that they may; new users and new active \
                     days are refused. Give the process more, or raise --memory-max"
                ),
            }
        }
        told = fill;
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_room_for_more_than_the_state() {
        let gibibyte = 1 << 30;
        assert_eq!(state_bytes_max(Some(8 * gibibyte)), 7 * gibibyte - (64 << 20));
        assert_eq!(state_bytes_max(Some(PROCESS_BYTES_MIN)), 48 << 20);
        assert!(state_bytes_max(None) > 0);
    }

    #[test]
    fn what_the_system_says() {
        let meminfo = "MemTotal:       24104216 kB\nMemAvailable:   22000000 kB\n";
        assert_eq!(kibibytes(meminfo, "MemAvailable:"), Some(22_528_000_000));
        assert_eq!(kibibytes("", "MemAvailable:"), None);
        let limits =
            |soft: &str| format!("Limit   Soft  Hard  Units\nMax address space         {soft}   unlimited   bytes\n");
        assert_eq!(address_space(&limits("1048576")), Some(1_048_576));
        assert_eq!(address_space(&limits("unlimited")), None);
    }

    #[test]
    fn every_group_above_may_have_a_limit() {
        let files = limit_files("0::/system.slice/dauphin.service\n");
        let expected = ["system.slice/dauphin.service/", "system.slice/", ""]
            .map(|group| format!("/sys/fs/cgroup/{group}memory.max"));
        assert_eq!(files, expected.map(PathBuf::from));
        assert_eq!(limit_files("0::/\n"), [PathBuf::from("/sys/fs/cgroup/memory.max")]);
        let old = limit_files("9:cpu,cpuacct:/a\n4:memory:/docker/b\n1:name=systemd:/c\n");
        let expected =
            ["docker/b/", "docker/", ""].map(|group| format!("/sys/fs/cgroup/memory/{group}memory.limit_in_bytes"));
        assert_eq!(old, expected.map(PathBuf::from));
    }

    #[test]
    fn four_fifths_are_short() {
        for (taken, expected) in
            [(0, Fill::Plenty), (799, Fill::Plenty), (800, Fill::Short), (999, Fill::Short), (1000, Fill::Full)]
        {
            assert_eq!(Fill::of(taken, 1000), expected, "{taken}");
        }
        assert_eq!(Fill::of(1 << 40, usize::MAX), Fill::Plenty);
    }
}
