"""The server under test: built once, then started with a fresh data directory for each client."""

import json
import os
import subprocess
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()

LISTENING = "listening on "
STOP_SECONDS_MAX = 30


def binary() -> Path:
    """The server's binary: the one that `DAUPHIN_BINARY` names, else the debug build of this tree, made if need be."""
    if named := os.environ.get("DAUPHIN_BINARY"):
        return Path(named).resolve()
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--package", "dauphin-server"], cwd=ROOT, check=True)
    return TARGET / "debug" / "dauphin"


class Server:
    """A running server with one workspace, in UTC, and the apps `web` and `ios`."""

    def __init__(self, program: Path, data: Path) -> None:
        self.program = program
        self.data = data
        self.url = ""
        self.log: list[str] = []
        made = subprocess.run(
            [program, "init", "--data", data, "--app", "Web=web", "--app", "iOS=ios"],
            check=True,
            capture_output=True,
            text=True,
        )
        self.workspace: dict[str, Any] = json.loads(made.stdout)

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None, "asked for above"
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if line.startswith(LISTENING):
                self.url = line.removeprefix(LISTENING).strip()
                break
        else:
            raise RuntimeError(f"the server did not start: {self.log}")
        Thread(target=self._keep_log, daemon=True).start()
        return self

    def _keep_log(self) -> None:
        assert self.process.stderr is not None, "asked for when it was started"
        self.log.extend(line.rstrip() for line in self.process.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def mismatches(self) -> int:
        """How many points of the stopped server's rows differ from a count over everyone's days."""
        counted = subprocess.run([self.program, "check", "--data", self.data], capture_output=True, text=True)
        return int(json.loads(counted.stdout)["mismatches"])
