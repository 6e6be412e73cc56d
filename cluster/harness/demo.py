"""The command `./cluster-demo`."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.compare import mismatches, series, wait_for_no_lag
from harness.family import EPOCH
from harness.load import Load
from harness.node import Node, program
from harness.oracle import Series
from harness.skipped import Skipped
from harness.stand import OnBrokers

DAYS = 45
DAYS_SHOWN = 3
CLIENTS = 6
SEED = 1
FILL_SECONDS = 8.0
"""As much as goes in: people of the last weeks."""
TRAFFIC_SECONDS = 4.0
TRAFFIC_PAUSE_SECONDS = 0.1
COLUMN = 12
TARGET = "oracle"


def main(arguments: list[str]) -> int:
    """1 if any number was wrong."""
    parser = argparse.ArgumentParser(prog="./cluster-demo", description="A cluster that loses a node and no event.")
    parser.add_argument("--once", action="store_true", help="end by itself instead of running on")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="dauphin-cluster-"))
    is_right = False
    try:
        say("building Dauphin, fetching the brokers")
        stand = OnBrokers(folder, program(), brokers=3, nodes=3, is_linked=False)
        try:
            is_right = Demo(stand).run(not chosen.once)
        finally:
            stand.end()
    except Skipped as reason:
        print(f"skipped: {reason}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    except KeyboardInterrupt:
        # Only what runs on is interrupted when all is told.
        is_right = True
    finally:
        if is_right:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"logs and data are in {folder}")
    print("1 passed, 0 failed" if is_right else "0 passed, 1 failed")
    return 0 if is_right else 1


class Demo:
    """The steps, in order."""

    def __init__(self, stand: OnBrokers) -> None:
        self.stand = stand
        today = (datetime.now(UTC) - EPOCH).days
        self.days = range(today + 1 - DAYS, today + 1)
        self.is_right = True

    def run(self, runs_on: bool) -> bool:
        """Whether every number was right."""
        stand = self.stand
        say("starting three brokers and three nodes")
        stand.start()
        self.load = Load(stand.workspace, [node.url for node in stand.nodes], SEED, self.days, CLIENTS)
        victim = stand.nodes[1]

        self.load.pause_seconds = 0.0
        say(f"filling the last {DAYS} days for {FILL_SECONDS:.0f} s, each request through any of the nodes")
        self.traffic(FILL_SECONDS)
        self.show("every node answers for all of them", stand.nodes)

        self.load.pause_seconds = TRAFFIC_PAUSE_SECONDS
        self.load.resume()
        say(f"killing {victim.name} (kill -9) while {CLIENTS} clients go on")
        time.sleep(1)
        victim.kill()
        self.traffic(TRAFFIC_SECONDS)
        others = [node for node in stand.nodes if node is not victim]
        self.show(f"{victim.name} is gone, what was acknowledged is not", others)

        say(f"starting {victim.name} again while they go on")
        self.load.resume()
        victim.start()
        say(f"{victim.name} answers after {victim.wait_ready():.1f} s")
        self.traffic(TRAFFIC_SECONDS)
        self.show(f"{victim.name} is back and agrees", stand.nodes)
        if runs_on:
            self.run_on()
        self.load.end()
        return self.is_right

    def traffic(self, seconds: float) -> None:
        """Lets the clients tell of people, until every last thing they sent is acknowledged."""
        self.load.resume()
        time.sleep(seconds)
        self.load.pause()

    def show(self, title: str, nodes: list[Node]) -> None:
        """A table of what these nodes say, beside what plain sets say."""
        urls = {node.name: node.url for node in nodes}
        waited = wait_for_no_lag(urls, self.stand.workspace, self.days)
        wrong = mismatches(urls, self.stand.workspace, self.load.oracle, self.days)
        sent = self.load.counts
        print(f"\n{title}: {sent['events']} events acknowledged, {sent['sent again']} requests sent again,")
        print(f"no lag after {waited:.1f} s\n")
        columns = {name: series(url, self.stand.workspace, None, self.days) for name, url in urls.items()}
        columns[TARGET] = self.load.oracle.series(None, self.days.start, len(self.days))
        self.table(columns)
        compared = f"{len(self.days)} days, all apps and each, dau, wau, mau, new users"
        print(f"\n{compared}: {'all nodes are right' if not wrong else f'{len(wrong)} series are wrong'}")
        for each in wrong:
            print(f"not ok {each}")
        print(flush=True)
        self.is_right &= not wrong

    def table(self, columns: dict[str, Series]) -> None:
        """The last days of each column."""
        everybody = [*(node.name for node in self.stand.nodes), TARGET]
        print(f"{'':{COLUMN}}{'':>6}" + "".join(f"{name:>{COLUMN}}" for name in everybody))
        for metric in ("dau", "mau"):
            for index in range(len(self.days) - DAYS_SHOWN, len(self.days)):
                date = (EPOCH + timedelta(days=self.days[index])).date().isoformat()
                points = [getattr(columns[name], metric)[index] if name in columns else "-" for name in everybody]
                print(f"{date:{COLUMN}}{metric:>6}" + "".join(f"{point:>{COLUMN}}" for point in points))

    def run_on(self) -> None:
        """Until interrupted."""
        key = self.stand.workspace.api_key
        for node in self.stand.nodes:
            print(f"{node.name}: {node.url}")
        print(f"key: {key}\n")
        url = self.stand.nodes[0].url
        print(f"curl -H 'Authorization: Bearer {key}' '{url}/kpi/mau/data_series?length=7'\n")
        say("traffic goes on; Ctrl-C ends it")
        self.load.resume()
        signal.pause()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
