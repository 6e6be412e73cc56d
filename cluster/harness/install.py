"""Fetches the brokers with the ordinary package client, into a folder that the next run finds them in."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from harness.skipped import Skipped

CLUSTER = Path(__file__).resolve().parents[1]
ROOT = CLUSTER.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
CACHE = TARGET / "cluster"
DONE = "installed"
"""Written last into the folder: the hash of what was asked for."""

JAVA_MIN = 17
INSTALL_SECONDS_MAX = 300
UNREACHABLE = (
    "Connect timed out",
    "Connection refused",
    "Connection reset",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Unknown host",
    "UnknownHostException",
    "connect timed out",
    "transfer failed",
)
"""What Maven says when it cannot reach the registry; any other failure is ours."""


def jars() -> Path:
    """A folder with everything that a broker's class path needs."""
    check_java()
    pom = CLUSTER / "pom.xml"
    folder = CACHE / "jars"
    done = folder / DONE
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    if done.exists() and done.read_text() == wanted:
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise Skipped("the brokers come by Maven (`mvn`), which is not on the path")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command: list[str | Path] = [maven, "--batch-mode", "--quiet", "--file", pom, "dependency:copy-dependencies"]
    run_maven([*command, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"])
    done.write_text(wanted)
    return folder


def run_maven(command: list[str | Path]) -> None:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Skipped(f"Maven did not fetch the brokers within {INSTALL_SECONDS_MAX} seconds") from None
    if ran.returncode == 0:
        return
    said = ran.stdout + ran.stderr
    if any(words in said for words in UNREACHABLE):
        raise Skipped("Maven Central cannot be reached")
    raise RuntimeError(f"{' '.join(map(str, command))}\n{said[-2000:]}")


def check_java() -> None:
    """Refuses a machine without a Java that the brokers run on."""
    java = shutil.which("java")
    if java is None:
        raise Skipped(f"the brokers need Java {JAVA_MIN}, there is no `java` on the path")
    # It tells its version on stderr: `openjdk version "17.0.15" 2025-04-15`.
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < JAVA_MIN:
        raise Skipped(f"the brokers need Java {JAVA_MIN}, `java -version` says {told.splitlines()[:1]}")
