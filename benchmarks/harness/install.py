"""Installs what the peers need with the ordinary package clients. What cannot be had is left out."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
CACHE = TARGET / "benchmarks"

INSTALL_SECONDS_MAX = 600


def python() -> Path:
    """A Python with as many of the pinned packages as this machine can have."""
    folder = CACHE / "venv"
    requirements = BENCHMARKS / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    done = folder / "installed"
    if not done.exists() or done.read_text() != wanted:
        say("installing the peers' Python packages")
        venv.create(folder, with_pip=True, clear=True)
        lines = [line for line in requirements.read_text().splitlines() if line and not line.startswith("#")]
        # Each by itself: a package that this machine cannot have must not take the others with it.
        installed = [pip(folder, line) for line in lines]
        if all(installed):
            done.write_text(wanted)
    return folder / "bin" / "python"


def pip(folder: Path, requirement: str) -> bool:
    command: list[str | Path] = [
        folder / "bin" / "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]
    return ran([*command, requirement], requirement)


def debian(packages: Iterator[str]) -> None:
    """Installs Debian's packages that are missing, if we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    for package in packages:
        status = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
        if status.stdout.endswith(" installed"):
            continue
        say(f"installing {package}")
        # Services of packages are not started in run level 1; the benchmark starts its own.
        environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
        if not ran(install, package, environment, tells=False):
            ran(["apt-get", "update", "--quiet"], "apt-get update", environment)
            ran(install, package, environment)


def ran(
    command: Sequence[str | Path], what: str, environment: dict[str, str] | None = None, tells: bool = True
) -> bool:
    """Whether a command succeeded; says so if not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, env=environment)
    except subprocess.TimeoutExpired:
        say(f"{what} was not installed within {INSTALL_SECONDS_MAX} seconds")
        return False
    if done.returncode != 0 and tells:
        say(f"{what} was not installed: {(done.stderr + done.stdout).strip()[-300:]}")
    return done.returncode == 0


def program() -> Path:
    """Dauphin: the program that `DAUPHIN_BINARY` names, else the release build of this tree."""
    if named := os.environ.get("DAUPHIN_BINARY"):
        return Path(named).resolve()
    say("building Dauphin")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "dauphin-server"]
    subprocess.run(build, cwd=ROOT, env=environment, check=True)
    return TARGET / "release" / "dauphin"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
