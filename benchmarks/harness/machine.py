"""On what was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from harness.install import ROOT


def machine(place: Path) -> dict[str, str]:
    """By name, for the page."""
    return {
        "processor": field(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores": str(cores()),
        "memory": f"{memory_bytes() / (1 << 30):.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": (field(Path("/etc/os-release"), "PRETTY_NAME", "=") or platform.system()).strip('"'),
        "disk": file_system(place),
        "Python": platform.python_version(),
        "Rust": said("rustc", "--version").removeprefix("rustc ").split(" ")[0],
        "commit": said("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"),
    }


def cores() -> int:
    return len(os.sched_getaffinity(0))


def memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def field(file: Path, name: str, separator: str = ":") -> str | None:
    """The first value of a file of names and values."""
    for line in file.read_text().splitlines():
        if line.partition(separator)[0].strip() == name:
            return line.partition(separator)[2].strip()
    return None


def file_system(place: Path) -> str:
    """Where the peers write."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if place.is_relative_to(mount[1])]
    device, _, kind, *_ = max(holding, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"


def said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""
