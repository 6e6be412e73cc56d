"""The command `cluster/measure`."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.compare import series, wait_for_no_lag
from harness.family import EPOCH
from harness.flood import Flooded, bodies, flood
from harness.node import program
from harness.process import Process
from harness.skipped import Skipped
from harness.stand import Embedded, OnBrokers, Stand

DAYS = 5
CONNECTIONS = 8
SMALL_REQUESTS = 200
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One store under the same flood."""

    store: str
    new_rows_a_second: float
    """Acknowledged."""
    counted_rows_a_second: float
    """Until no node lags behind."""
    repeated_rows_a_second: float
    half_within_ms: float
    most_within_ms: float
    """99 of 100."""
    one_row_within_ms: float
    """Half of the requests of one new row, on one connection."""
    node_cpu_seconds: float
    broker_cpu_seconds: float
    disk_bytes_a_user_day: float
    """Of all brokers together, or of the data directory."""
    start_seconds: float
    """From `kill -9` of a node to its answers being right again."""


def main(arguments: list[str]) -> int:
    """Prints a table, and a line of JSON for each row of it."""
    parser = argparse.ArgumentParser(prog="cluster/measure", description="A cluster beside one embedded node.")
    parser.add_argument("--users", type=int, default=100_000, help=f"each active on {DAYS} days [default: 100000]")
    parser.add_argument("--nodes", default="0,1,2,3", help="of each size; 0 is one embedded node [default: 0,1,2,3]")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    today = (datetime.now(UTC) - EPOCH).days
    days = range(today + 1 - DAYS, today + 1)
    sent = bodies(chosen.users, days, "web")
    rows = []
    try:
        for nodes in map(int, chosen.nodes.split(",")):
            rows.append(measured(nodes, sent, days, chosen.users))
            print(json.dumps(asdict(rows[-1])), flush=True)
    except Skipped as reason:
        print(f"skipped: {reason}")
    print(table(rows))
    return 0


def measured(nodes: int, sent: list[bytes], days: range, users: int) -> Measured:
    """Starts it, floods it, ends it."""
    folder = Path(tempfile.mkdtemp(prefix="dauphin-measure-", dir="/var/tmp"))
    stand: Stand = (
        OnBrokers(folder, program(), brokers=3, nodes=nodes, is_linked=False) if nodes else Embedded(folder, program())
    )
    try:
        stand.start()
        return Bench(stand, days, users).run(sent, f"{nodes} nodes" if nodes else "embedded")
    finally:
        stand.end()
        shutil.rmtree(folder, ignore_errors=True)


class Bench:
    """One store that is flooded."""

    def __init__(self, stand: Stand, days: range, users: int) -> None:
        self.stand = stand
        self.days = days
        self.users = users
        self.ports = [node.port for node in stand.nodes]

    def run(self, sent: list[bytes], store: str) -> Measured:
        before = range(self.days.start - 1, self.days.start)
        one_row = b"".join(bodies(SMALL_REQUESTS, before, "web")).split(b"\n")
        self.flood(sent[:4], CONNECTIONS)
        small = self.flood(one_row, 1)
        node_cpu, broker_cpu = self.cpu(self.stand.nodes), self.cpu(self.stand.brokers)
        new = self.flood(sent, CONNECTIONS)
        counted = new.seconds + self.settle()
        node_cpu, broker_cpu = self.cpu(self.stand.nodes) - node_cpu, self.cpu(self.stand.brokers) - broker_cpu
        self.check()
        disk = sum(file.stat().st_blocks * 512 for file in self.data() if file.is_file())
        repeated = self.flood(sent, CONNECTIONS)
        self.settle()
        return Measured(
            store,
            new.rows_a_second,
            new.rows / counted,
            repeated.rows_a_second,
            new.answered_within(0.5) * 1e3,
            new.answered_within(0.99) * 1e3,
            small.answered_within(0.5) * 1e3,
            node_cpu,
            broker_cpu,
            disk / (self.users * len(self.days)),
            self.start_seconds(),
        )

    def flood(self, sent: list[bytes], connections: int) -> Flooded:
        return flood(self.ports, self.stand.workspace, sent, connections)

    def settle(self) -> float:
        """How long it takes from now on until no node lags behind."""
        urls = {node.name: node.url for node in self.stand.nodes}
        return wait_for_no_lag(urls, self.stand.workspace, self.days)

    def check(self) -> None:
        """Nothing is measured that is wrong."""
        for node in self.stand.nodes:
            got = series(node.url, self.stand.workspace, None, self.days).dau
            if got != [self.users] * len(self.days):
                raise RuntimeError(f"{node.name} counts {got}, want {self.users} a day")

    def cpu(self, processes: Sequence[Process]) -> float:
        """Seconds so far."""
        times = [Path(f"/proc/{each.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13] for each in processes]
        return sum(int(ticks) for both in times for ticks in both) / CLOCK_TICKS

    def data(self) -> list[Path]:
        """The files that hold what was counted."""
        if isinstance(self.stand, Embedded):
            return list((self.stand.folder / "data").rglob("*"))
        topics = f"{self.stand.PREFIX}.*/*"
        return [file for broker in self.stand.brokers for file in broker.folder.glob(topics)]

    def start_seconds(self) -> float:
        node = self.stand.nodes[0]
        node.kill()
        started = time.perf_counter()
        node.start()
        node.wait_ready()
        seconds = time.perf_counter() - started + self.settle()
        self.check()
        return seconds


def table(rows: list[Measured]) -> str:
    """In Markdown, a store a column."""
    lines = [("", [row.store for row in rows])]
    for name in list(Measured.__dataclass_fields__)[1:]:
        lines.append((name.replace("_", " "), [f"{getattr(row, name):,.1f}" for row in rows]))
    text = [f"| {name} | {' | '.join(cells)} |" for name, cells in lines]
    text.insert(1, "|---|" + "---:|" * len(rows))
    return "\n".join(text)
