"""The command `cluster/faults`."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from harness.compare import LAG_HEADER, mismatches, wait_for_no_lag
from harness.family import EPOCH, FAMILIES_MAX
from harness.faults import Fault, faults_of
from harness.load import Load
from harness.node import program
from harness.skipped import Skipped
from harness.stand import Embedded, OnBrokers, Stand

DAYS = 45
"""How far back people are told of: more than the longest window."""
CLIENTS = 8
BETWEEN_SECONDS = (0.5, 2.5)
COMPARED_EVERY = 10
NAMED_MAX = 20


def main(arguments: list[str]) -> int:
    """1 for a wrong number, or for anything that a fault does not excuse."""
    parser = argparse.ArgumentParser(prog="cluster/faults", description="Breaks a cluster and recounts what it says.")
    parser.add_argument("--faults", type=int, default=5, help="how many [default: 5]")
    parser.add_argument("--nodes", type=int, default=3, help="[default: 3]")
    parser.add_argument("--seed", type=int, default=1, help="what people and faults follow from [default: 1]")
    clients = range(1, FAMILIES_MAX + 1)
    parser.add_argument("--clients", type=int, default=CLIENTS, choices=clients, help=f"[default: {CLIENTS}]")
    parser.add_argument("--embedded", action="store_true", help="one node with a data directory, and no brokers")
    parser.add_argument("--dir", type=Path, help="keep data and logs here; must not exist")
    chosen = parser.parse_args(arguments)
    if chosen.dir is not None and chosen.dir.exists():
        parser.error(f"{chosen.dir} exists; name a folder that does not, or remove it")

    # So that what was started is ended, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = (chosen.dir or Path(tempfile.mkdtemp(prefix="dauphin-faults-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        stand: Stand = (
            Embedded(folder, program())
            if chosen.embedded
            else OnBrokers(folder, program(), brokers=3, nodes=chosen.nodes, spare_nodes=1)
        )
    except Skipped as reason:
        print(f"skipped: {reason}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    try:
        stand.start()
        wrong = Run(stand, chosen.faults, chosen.seed, chosen.clients).wrong()
    except RuntimeError as error:
        wrong = [str(error)]
    finally:
        stand.end()
    for each in wrong[:NAMED_MAX]:
        print(f"not ok {each}")
    if wrong:
        print(f"{len(wrong)} things are wrong; logs and data are in {folder}")
    elif chosen.dir is None:
        shutil.rmtree(folder)
    print(f"{0 if wrong else 1} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0


class Run:
    """Load, faults, and comparing now and then."""

    def __init__(self, stand: Stand, faults: int, seed: int, clients: int) -> None:
        self.stand = stand
        self.faults = faults
        self.random = Random(seed)
        self.drawn = faults_of(stand, self.random)
        today = (datetime.now(UTC) - EPOCH).days
        self.days = range(today + 1 - DAYS, today + 1)
        urls = [node.url for node in stand.nodes]
        self.load = Load(stand.workspace, urls, seed, self.days, clients)
        self.kinds: Counter[str] = Counter()
        self.found: list[str] = []
        self.lag_seconds_max = 0.0
        self.compared = 0
        self.started = time.monotonic()

    def wrong(self) -> list[str]:
        """Everything that went wrong."""
        self.load.resume()
        try:
            self._break_things()
            self._compare()
            if why := self.stand.check():
                self.found.append(why)
        except RuntimeError as error:
            # Something did not come back in time, or ended.
            self.found.append(str(error))
        finally:
            self.load.end()
        self._sum_up()
        return [*self.found, *self.drawn.wrong, *self.load.wrong]

    def _break_things(self) -> None:
        since_compared = 0
        for number, faults in self._numbered():
            before = self.load.acknowledged
            seconds = self._one(faults)
            events = self.load.acknowledged - before
            what = " and ".join(f"{fault.kind} ({fault.what}, {fault.seconds:.1f} s)" for fault in faults)
            meanwhile = f"{events} events acknowledged meanwhile"
            print(f"fault {number} of {self.faults}: {what}; over after {seconds:.1f} s, {meanwhile}", flush=True)
            since_compared += len(faults)
            if since_compared >= COMPARED_EVERY and number < self.faults:
                since_compared = 0
                if self._compare():
                    return
                self.load.resume()

    def _numbered(self) -> Iterator[tuple[int, list[Fault]]]:
        number = 0
        for faults in self.drawn.draw():
            if number >= self.faults:
                return
            faults = faults[: self.faults - number]
            number += len(faults)
            yield number, faults

    def _one(self, faults: list[Fault]) -> float:
        """Begins them, lets each last, heals them in the order of their ends; how long it took until all was well."""
        time.sleep(self.random.uniform(*BETWEEN_SECONDS))
        begun = time.monotonic()
        try:
            for fault in faults:
                self.kinds[fault.kind] += 1
                fault.begin()
        finally:
            for fault in sorted(faults, key=lambda fault: fault.seconds):
                time.sleep(max(0.0, begun + fault.seconds - time.monotonic()))
                fault.heal()
        for fault in faults:
            fault.settle()
        for process in [*self.stand.nodes, *self.stand.brokers]:
            if not process.is_running:
                raise RuntimeError(f"{process.name} ended by itself:\n{process.last_words()}")
        return time.monotonic() - begun

    def _compare(self) -> bool:
        """Lets everything settle; whether a number is wrong."""
        self.load.pause()
        nodes = {node.name: node.url for node in self.stand.nodes}
        lagged = wait_for_no_lag(nodes, self.stand.workspace, self.days)
        self.lag_seconds_max = max(self.lag_seconds_max, lagged)
        wrong = mismatches(nodes, self.stand.workspace, self.load.oracle, self.days)
        self.compared += 1
        self.found += map(str, wrong)
        people = len(self.load.oracle.calendars(None))
        agree = f"{len(wrong)} series are wrong" if wrong else "all agree"
        print(
            f"compared: {people} people, {self.load.acknowledged} events acknowledged, {len(nodes)} nodes, {agree};"
            f" {LAG_HEADER} was 0 after {lagged:.1f} s",
            flush=True,
        )
        return bool(wrong)

    def _sum_up(self) -> None:
        counts = self.load.counts
        print(f"faults: {sum(self.kinds.values())} ({listed(self.kinds)})")
        print(f"sent: {listed(counts)}")
        print(
            f"compared {self.compared} times; {time.monotonic() - self.started:.0f} s;"
            f" longest wait for no lag {self.lag_seconds_max:.1f} s; mismatches: {len(self.found)}"
        )


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
