"""The parts of the benchmark: what is asked of every peer, and how it is timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar

from harness.data import POINTS, Round
from harness.peer import ALL_APPS, ImportWay, IngestWay, Peer, SeriesWay
from harness.process import bytes_written, processor_seconds

CONNECTIONS = 16

T = TypeVar("T")
Found = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How long and how often things are repeated. They are done once at least."""

    seconds: float
    imports: int
    calls_max: int = 20_000


@dataclass(frozen=True)
class Times:
    """Of several runs, in seconds."""

    median: float
    min: float
    max: float
    p99: float
    runs: int

    @staticmethod
    def of(runs: list[float], scale: float = 1.0) -> Times:
        scaled = [run * scale for run in runs]
        p99 = quantiles(scaled, n=100, method="inclusive")[98] if len(scaled) > 1 else scaled[0]
        return Times(median(scaled), min(scaled), max(scaled), p99, len(scaled))


class Runs:
    """Runs of the same thing: how long each took, and what of the processors they took together, servers included."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.processor_seconds = 0.0

    def one(self, call: Callable[[], T]) -> T:
        before = processor_seconds()
        took, result = timed(call)
        self.processor_seconds += processor_seconds() - before
        self.seconds.append(took)
        return result

    def many(self, call: Callable[[], object], effort: Effort) -> None:
        """Goes on while another run is likely to fit; once if there was none before."""
        before, started = processor_seconds(), time.perf_counter()
        while not self.seconds or self._fits(time.perf_counter() - started, effort):
            self.seconds.append(timed(call)[0])
        self.processor_seconds += processor_seconds() - before

    def _fits(self, elapsed: float, effort: Effort) -> bool:
        return len(self.seconds) < effort.calls_max and elapsed + self.seconds[-1] < effort.seconds


def series(peer: Peer, effort: Effort) -> Iterator[Found]:
    """100 points of MAU, over all apps and for each app."""
    with peer.series() as ways:
        for way in ways:
            yield _series(peer, way, effort)


def _series(peer: Peer, way: SeriesWay, effort: Effort) -> Found:
    step = POINTS // (way.points_max or POINTS)
    # The last point is among them.
    days = peer.data.points[step - 1 :: step]
    runs, counts, seconds_of_scope = Runs(), {}, {}
    for scope in way.scopes or [ALL_APPS, *peer.data.apps]:
        first = runs if scope == ALL_APPS and way.timed is None else Runs()
        counts[scope] = first.one(partial(way.answer, scope, days))
        seconds_of_scope[scope] = first.seconds[0] * step
    runs.many(way.timed or partial(way.answer, ALL_APPS, days), effort)
    return {
        "name": way.name,
        "shown": way.shown,
        "is_exact": way.is_exact,
        "points": len(days),
        "counts": {scope: dict(zip(map(str, days), of_scope, strict=True)) for scope, of_scope in counts.items()},
        "seconds": asdict(Times.of(runs.seconds, step)),
        "processor_seconds": runs.processor_seconds / len(runs.seconds) * step,
        "seconds_of_scope": seconds_of_scope,
        "facts": way.facts,
    }


def imports(peer: Peer, effort: Effort) -> Iterator[Found]:
    """A file of rows becomes something whose distinct (user, app, day) can be asked for."""
    for way in peer.imports():
        for file in (peer.data.parquet, peer.data.csv):
            yield _import(way, file, effort, peer.data.rows)


def _import(way: ImportWay, file: Path, effort: Effort, rows: int) -> Found:
    runs, counts = Runs(), set()
    for _ in range(effort.imports):
        read_once(file)
        runs.one(partial(way.load, file))
        counts.add(way.count())
        way.clear()
    return {
        "name": way.name,
        "shown": way.shown,
        "file": file.suffix.removeprefix("."),
        "is_durable": way.is_durable,
        "user_days": sorted(counts),
        "rows": rows,
        "seconds": asdict(Times.of(runs.seconds)),
        "processor_seconds": runs.processor_seconds / len(runs.seconds),
    }


def read_once(file: Path) -> None:
    """So that everybody finds it in memory."""
    with file.open("rb", buffering=0) as opened:
        while opened.read(1 << 24):
            pass


def ingest(peer: Peer, effort: Effort) -> Iterator[Found]:
    """Events over several connections, each body answered when it is durable; a quarter is new."""
    with peer.ingests() as ways:
        for way in ways:
            yield _ingest(way, peer)


def _ingest(way: IngestWay, peer: Peer) -> Found:
    at_first = bytes_written()
    runs = [_round(way, round) for round in peer.data.rounds]
    last = peer.data.rounds[-1]
    again = _send(way, way.bodies(last.day, last.rows))
    counts = {str(round.day): way.count(round.day) for round in peer.data.rounds}
    way.settle()
    return {
        "name": way.name,
        "shown": way.shown,
        "connections": CONNECTIONS,
        "events": len(last.rows),
        "rounds": runs,
        "again": again,
        "counts": counts,
        "user_days": sum(len(round.known) + round.new_user_days for round in peer.data.rounds),
        "bytes_in_all": bytes_written() - at_first,
    }


def _round(way: IngestWay, round: Round) -> Found:
    _send(way, way.bodies(round.day, round.known))
    return {**_send(way, way.bodies(round.day, round.rows)), "new_user_days": round.new_user_days}


def _send(way: IngestWay, bodies: list[Any]) -> Found:
    """Sends every body once; the connections are open before the clock starts."""
    connections = [way.connect() for _ in range(CONNECTIONS)]
    waiting, lock = iter(bodies), threading.Lock()
    latencies: list[float] = []

    def client(send: Callable[[Any], None]) -> None:
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            latencies.append(timed(partial(send, body))[0])

    before, processor_before = bytes_written(), processor_seconds()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        elapsed, _ = timed(lambda: list(pool.map(client, connections)))
    return {
        "seconds": elapsed,
        "processor_seconds": processor_seconds() - processor_before,
        "latency": asdict(Times.of(latencies)),
        "bytes_written": bytes_written() - before,
    }


def start(peer: Peer, effort: Effort) -> Iterator[Found]:
    """Memory, and the time to be ready again."""
    yield {"name": peer.title, "facts": peer.facts()}


def own(peer: Peer, effort: Effort) -> Iterator[Found]:
    """What a peer says of itself."""
    yield {"name": peer.title, "facts": {}, "report": peer.report(effort.imports == 1)}


def timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


PARTS: dict[str, Callable[[Peer, Effort], Iterator[Found]]] = {
    "series": series,
    "import": imports,
    "ingest": ingest,
    "start": start,
    "own": own,
    "growth": series,
}
"""By name. `growth` is `series` with more people, for those whom that takes seconds."""
