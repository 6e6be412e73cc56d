"""Processes that a peer needs: started, watched and ended."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_SECONDS_MAX = 120


class Process:
    """A child process that does not outlive its `with`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.words = [str(word) for word in command]
        self.log, self.stop_signal = log, stop_signal
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                self.words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                user=user,
                env=clean_environment(),
            )
        self.pid = self.popen.pid

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals | None = None) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(how or self.stop_signal)
            try:
                self.popen.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def until_ready(self, ask: Callable[[], object], refusal: type[Exception], seconds_max: float) -> None:
        """Asks until it is not refused any more, for so long at most."""
        started = time.perf_counter()
        while True:
            self.check()
            try:
                ask()
                return
            except refusal:
                if time.perf_counter() - started > seconds_max:
                    raise
                time.sleep(0.05)

    def check(self) -> None:
        """Fails with the end of the log if the process ended by itself."""
        if self.popen.poll() is not None:
            raise RuntimeError(f"`{self.words[0]}` ended: {self.log.read_text(errors='replace')[-2000:]}")


def clean_environment() -> dict[str, str]:
    """The environment without settings of Dauphin's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DAUPHIN_")}


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged_user() -> str | None:
    """Whom to run as what refuses to be run by root; nobody else if this is not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def family(pid: int) -> list[int]:
    """A process and those it started."""
    found = [pid]
    try:
        children = [
            child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return found
    for child in children:
        found.extend(family(int(child)))
    return found


SECTOR_BYTES = 512
"""Of the kernel's statistics, whatever the disk's own are."""


def bytes_written() -> int:
    """What was ever written to the disk that the working directory is on, and what waits to be is written first. Where
    the system does not count that, what this process and all that it started have caused to be written."""
    os.sync()
    device = os.stat(".").st_dev
    for line in Path("/proc/diskstats").read_text().splitlines():
        major, minor, _, *counts = line.split()
        if (int(major), int(minor)) == (os.major(device), os.minor(device)):
            return int(counts[6]) * SECTOR_BYTES
    return bytes_caused()


def bytes_caused() -> int:
    """As the kernel counts it for processes, ended ones included: of a file system with large folios, whole folios."""
    total = 0
    for pid in family(os.getpid()):
        try:
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            # It ended after it was listed; its parent has its sum.
            continue
        fields = dict(line.split(": ") for line in lines)
        total += int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])
    return total


def processor_seconds() -> float:
    """What this process and all that it started have used of the processors, ended ones included."""
    ticks = 0
    for pid in family(os.getpid()):
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The name of the program, in parentheses, may hold anything.
        ticks += sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


def disk_bytes(folder: Path) -> int:
    """What a folder takes on disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
