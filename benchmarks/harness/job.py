"""One peer in one part, in a process of its own. Words: PART PEER DATA PLACE OUT THREADS SECONDS IMPORTS."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from harness.data import Data
from harness.parts import PARTS, Effort
from harness.peer import Peer, Skipped
from peers import PEERS


def main(words: list[str]) -> None:
    part, name, data, place, out, threads, seconds, imports = words
    # A `with` must end what it started, also when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    kind = next(kind for kind in PEERS if kind.name == name)
    found: dict[str, Any] = {
        "part": part,
        "peer": name,
        "title": kind.title,
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }
    started = time.perf_counter()
    effort = Effort(float(seconds), int(imports))
    try:
        measure(kind(Data.read(Path(data)), Path(place), int(threads)), part, effort, found)
    except Skipped as reason:
        found["skipped"] = str(reason)
    except Exception as error:
        traceback.print_exc()
        found["failed"] = f"{type(error).__name__}: {error}"
    found["took_seconds"] = time.perf_counter() - started
    Path(out).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def measure(peer: Peer, part: str, effort: Effort, found: dict[str, Any]) -> None:
    """Adds to what was found as it goes, so that what was measured before something failed is kept."""
    found |= {"version": peer.version(), "users": peer.data.users, "rows": peer.data.rows, "ways": []}
    for way in PARTS[part](peer, effort):
        found["ways"].append(way)
        print(f"    {described(way)}", file=sys.stderr, flush=True)


def described(way: dict[str, Any]) -> str:
    """One line for whoever watches."""
    if "rounds" in way:
        rates = ", ".join(f"{way['events'] / each['seconds'] / 1e6:.2f}" for each in way["rounds"])
        return f"{way['name']}: {rates} M events/s"
    if "rows" in way:
        return f"{way['name']}, {way['file']}: {way['rows'] / way['seconds']['median'] / 1e6:.2f} M rows/s"
    if "seconds" in way:
        return f"{way['name']}: {way['seconds']['median'] * 1e3:.3f} ms"
    if "report" in way:
        return f"{len(way['report']['measures'])} measures"
    return ", ".join(f"{name} {value:,.3f}" for name, value in way["facts"].items())


if __name__ == "__main__":
    main(sys.argv[1:])
