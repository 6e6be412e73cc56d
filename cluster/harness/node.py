"""Dauphin nodes: built once, each with a port and a log of its own."""

import http.client
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.install import ROOT, TARGET
from harness.ports import HOST, free_ports
from harness.process import Process

READY_SECONDS_MAX = 120
POLL_SECONDS = 0.05
FEATURES = ["--features", "kafka"]


def program() -> Path:
    """Dauphin: the program that `DAUPHIN_BINARY` names, else the release build of this tree, made if need be."""
    if named := os.environ.get("DAUPHIN_BINARY"):
        return Path(named).resolve()
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "dauphin-server", *FEATURES]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)}, check=True)
    return TARGET / "release" / "dauphin"


class Node(Process):
    """One server on loopback; the same port and the same store however often it is started."""

    def __init__(
        self, name: str, binary: Path, store: Sequence[str | Path], log: Path, environment: Mapping[str, str]
    ) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://{HOST}:{self.port}"
        super().__init__(name, [binary, "serve", *store, "--listen", f"{HOST}:{self.port}"], log, environment)

    @property
    def is_ready(self) -> bool:
        """Whether it answers queries."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait_ready(self) -> float:
        """How long it took from now on."""
        started = time.monotonic()
        while not self.is_ready:
            if not self.is_running:
                raise RuntimeError(f"{self.name} ended:\n{self.last_words()}")
            if time.monotonic() - started > READY_SECONDS_MAX:
                raise RuntimeError(f"{self.name} was not ready in {READY_SECONDS_MAX} s:\n{self.last_words()}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started
