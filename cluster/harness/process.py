"""A process that is killed, stopped and started again, always by its id."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS_MAX = 60


class Process:
    """One program with a log of its own; started as often as wanted, in the same way."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.command = list(map(str, command))
        self.environment = {**os.environ, **(environment or {})}
        self.popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.popen is not None, "only asked of what was started"
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def start(self) -> None:
        """Its output is added to the log. It ends when the thread that starts it ends, however that comes about."""
        assert not self.is_running, f"{self.name} runs already"
        setpriv = shutil.which("setpriv")
        outlived = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        with self.log.open("ab") as log:
            # A group of its own: an interrupt at the terminal is for us, and we decide who ends when.
            self.popen = subprocess.Popen(
                [*outlived, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                process_group=0,
            )

    def signal(self, number: signal.Signals) -> None:
        """Passes over a process that has ended."""
        assert self.popen is not None, "only sent to what was started"
        self.popen.send_signal(number)

    def kill(self) -> None:
        """As a crash: nothing is written, nobody is told."""
        if self.is_running:
            self.signal(signal.SIGKILL)
            self.wait()

    def stop(self) -> int:
        """Asks it to end and waits for it; what does not listen is killed. The exit code."""
        if self.popen is None:
            return 0
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self.wait()

    def freeze(self) -> None:
        """Takes the processor away, as a machine that is paused; connections stay open."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self) -> int:
        assert self.popen is not None, "only asked of what was started"
        return self.popen.wait(STOP_SECONDS_MAX)

    def last_words(self, lines: int = 20) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
