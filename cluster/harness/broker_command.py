"""The command `cluster/brokers`."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.brokers import Brokers
from harness.skipped import Skipped

COUNT_MAX = 5
VARIABLE = "DAUPHIN_TEST_BROKERS"
"""What tests that want real brokers look at."""


def main(arguments: list[str]) -> int:
    """0 where the brokers cannot be had, with the reason; `run` ends as its command ends."""
    parser = argparse.ArgumentParser(prog="cluster/brokers", description="Real brokers on free ports of loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start brokers, say where they are, run until interrupted")
    run = commands.add_parser("run", help=f"start brokers, run a command with {VARIABLE}, end them")
    for each in (start, run):
        each.add_argument("--count", type=int, default=3, choices=range(1, COUNT_MAX + 1), help="[default: 3]")
        each.add_argument("--dir", type=Path, help="where they keep data and logs; must not exist [default: for now]")
    run.add_argument("words", nargs="+", metavar="COMMAND", help="after `--`")
    chosen = parser.parse_args(arguments)

    # So that what was started is ended, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # A shell without job control lets what it starts in the background ignore interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with started(chosen.count, chosen.dir) as brokers:
            if chosen.command == "run":
                return subprocess.run(chosen.words, env={**os.environ, VARIABLE: brokers.bootstrap}).returncode
            for broker in brokers.brokers:
                print(f"{broker.name} pid {broker.pid} 127.0.0.1:{broker.port} log {broker.log}")
            print(f"bootstrap {brokers.bootstrap}", flush=True)
            signal.pause()
    except Skipped as reason:
        print(f"skipped: {reason}")
    except KeyboardInterrupt:
        pass
    return 0


@contextmanager
def started(count: int, folder: Path | None) -> Iterator[Brokers]:
    """Brokers that are ended afterwards; their folder goes with them unless it was named."""
    if folder is not None and folder.exists():
        raise SystemExit(f"{folder} exists; name a folder that does not, or remove it")
    place = folder or Path(tempfile.mkdtemp(prefix="dauphin-brokers-"))
    try:
        brokers = Brokers(place.resolve(), count)
        try:
            brokers.start()
            yield brokers
        finally:
            brokers.end()
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
