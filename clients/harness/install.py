"""Installs clients with the ordinary package clients, into a folder that the next run finds them in."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from threading import Lock

from harness.clients import Client
from harness.server import TARGET
from harness.skipped import Skipped

CLIENTS = Path(__file__).resolve().parents[1]
CACHE = TARGET / "clients"
SHARED = Lock()
"""Held by who installs what several clients need."""
DONE = "installed"
"""Written last into an installation: the hash of what was asked for."""

INSTALL_SECONDS_MAX = 300
UNREACHABLE = (
    "(from versions: none)",
    "Connection refused",
    "ConnectTimeout",
    "ECONNREFUSED",
    "ECONNRESET",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ETIMEDOUT",
    "Failed to establish a new connection",
    "Name or service not known",
    "Network is unreachable",
    "Read timed out",
    "Temporary failure",
)
"""What package clients say when they cannot reach their registry; any other failure is ours."""


def python_of(client: Client) -> Path:
    """A Python that has the client installed."""
    requirements = CLIENTS / "requirements" / f"{client.name}.txt"
    interpreter, version = _interpreter(client)
    folder = CACHE / client.name
    python = folder / "bin" / "python"
    wanted = hashlib.sha256(requirements.read_bytes() + version.encode()).hexdigest()
    if _is_done(folder, wanted):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _run([interpreter, "-m", "venv", folder], client.name)
    # Every version is pinned, and most modules are never imported.
    options: list[str | Path] = ["--quiet", "--no-deps", "--no-compile", "--requirement", requirements]
    _run([python, "-m", "pip", "install", *options], client.name)
    (folder / DONE).write_text(wanted)
    return python


def node_modules() -> Path:
    """The folder with every JavaScript client in it."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Skipped("needs Node 20 and npm")
    folder = CACHE / "node"
    named = [CLIENTS / name for name in ("package.json", "package-lock.json", ".npmrc")]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in named)).hexdigest()
    with SHARED:
        if not _is_done(folder, wanted):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for file in named:
                shutil.copy(file, folder)
            _run(["npm", "ci", "--ignore-scripts", "--prefix", folder], "npm ci")
            (folder / DONE).write_text(wanted)
    return folder / "node_modules"


def chromium() -> Path:
    """Debian's browser, installed if it is missing and we may."""
    with SHARED:
        if not shutil.which("chromium"):
            if not shutil.which("apt-get") or os.geteuid() != 0:
                raise Skipped("needs chromium, and only root can install it")
            _run(["apt-get", "update", "--quiet"], "chromium")
            _run(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"], "chromium")
    found = shutil.which("chromium")
    if not found:
        raise Skipped("needs chromium, which Debian's packages did not bring")
    return Path(found)


def _is_done(folder: Path, wanted: str) -> bool:
    done = folder / DONE
    return done.exists() and done.read_text() == wanted


def _interpreter(client: Client) -> tuple[Path, str]:
    """The first of the client's Pythons that is here: on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in client.pythons:
        on_path = shutil.which(f"python{version}")
        of_pyenv = sorted(pyenv.glob(f"{version}.*/bin/python"))
        for candidate in [*([Path(on_path)] if on_path else []), *of_pyenv]:
            # pyenv puts names on the path that only answer where that version is switched on.
            asked = subprocess.run([candidate, "-c", "import venv"], capture_output=True)
            if asked.returncode == 0:
                return candidate, version
    raise Skipped(f"needs Python {' or '.join(client.pythons)}")


def _run(command: list[str | Path], what: str) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Skipped(f"{what} was not installed within {INSTALL_SECONDS_MAX} seconds") from None
    if ran.returncode == 0:
        return
    said = ran.stderr + ran.stdout
    if any(words in said for words in UNREACHABLE):
        raise Skipped(f"the registry of {what} cannot be reached")
    raise RuntimeError(f"{' '.join(map(str, command))}\n{said[-2000:]}")
