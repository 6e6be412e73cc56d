"""Drives one client: installs it, starts a server for it, runs its script, and reads what that compared."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness import install
from harness.clients import Client
from harness.forgetful import Forgetful
from harness.server import Server
from harness.skipped import Skipped

PEERS = install.CLIENTS / "peers"
SCRIPT_SECONDS_MAX = 180
LOG_LINES_SHOWN = 20


@dataclass
class Outcome:
    """What driving a client came to."""

    client: Client
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: str = ""

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.client.name}: skipped: {self.skipped}"
        if not self.failed:
            return f"{self.client.name}: {self.passed} checks passed"
        count = self.passed + len(self.failed)
        return "\n    ".join([f"{self.client.name}: {len(self.failed)} of {count} checks failed", *self.failed])


def drive(client: Client, program: Path) -> Outcome:
    """Never raises for what a client or a server does: that is a failed check."""
    outcome = Outcome(client)
    try:
        command, environment = _command(client)
    except Skipped as reason:
        outcome.skipped = str(reason)
        return outcome
    except (RuntimeError, OSError) as error:
        outcome.failed.append(f"could not be installed: {error}")
        return outcome
    with tempfile.TemporaryDirectory(prefix="dauphin-client-") as scratch:
        try:
            _compare(outcome, command, environment, program, Path(scratch))
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            outcome.failed.append(str(error))
    return outcome


def _command(client: Client) -> tuple[list[str | Path], dict[str, str]]:
    """What runs the script, and what the script is told about where things are."""
    script = PEERS / client.script
    if not client.runs_on_node:
        python = install.python_of(client)
        return [python, script], {"bin": str(python.parent)}
    told = {"node_modules": str(install.node_modules())}
    if client.in_browser:
        told["chromium"] = str(install.chromium())
    return ["node", script], told


def _compare(outcome: Outcome, command: list[str | Path], told: dict[str, str], program: Path, scratch: Path) -> None:
    server = Server(program, scratch / "data")
    record = scratch / "requests"
    with server:
        forgetful = Forgetful(server.url, record)
        stand = {
            **server.workspace,
            **told,
            "url": server.url,
            "forgetful_url": forgetful.url,
            "record": str(record),
            "scratch": str(scratch),
        }
        ran = subprocess.run(
            command,
            env={**os.environ, "DAUPHIN_STAND": json.dumps(stand)},
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS_MAX,
        )
        forgetful.close()
    for line in ran.stdout.splitlines():
        if line.startswith("ok "):
            outcome.passed += 1
        elif line.startswith("not ok "):
            outcome.failed.append(line.removeprefix("not ok "))
    if ran.returncode == 0 and outcome.passed + len(outcome.failed) == 0:
        outcome.failed.append("the script compared nothing")
    if ran.returncode != 0:
        last = (ran.stderr or ran.stdout).splitlines()[-LOG_LINES_SHOWN:]
        outcome.failed.append("\n    ".join([f"the script ended with {ran.returncode}:", *last]))
    _check_server(outcome, server)


def _check_server(outcome: Outcome, server: Server) -> None:
    """The server went down as asked, and counting everything again finds the same."""
    for what, got in [("exit code after SIGTERM", server.process.returncode), ("mismatches", server.mismatches())]:
        if got == 0:
            outcome.passed += 1
        else:
            outcome.failed.append("\n    ".join([f"{what}: got {got}, want 0", *server.log[-LOG_LINES_SHOWN:]]))
