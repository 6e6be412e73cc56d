"""What the load goes to: one node with a data directory, or some nodes on brokers."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.brokers import Broker, Brokers
from harness.client import Workspace
from harness.links import Link, Links
from harness.node import Node
from harness.ports import HOST

APPS = ("web", "ios", "tv")
NAMED = [word for app in APPS for word in ("--app", f"{app.upper()}={app}")]
CHECK_SECONDS_MAX = 300


class Embedded:
    """One node alone: what the driver and the oracle are held against."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.folder = folder
        self.binary = binary
        store: list[str | Path] = ["--data", folder / "data"]
        self.nodes = [Node("node 1", binary, store, folder / "node-1.log", {})]
        self.brokers: list[Broker] = []
        self.links: dict[str, list[Link]] = {}
        self.workspace = Workspace("", {})

    def start(self) -> None:
        self.workspace = Workspace.read(told(self.binary, "init", "--data", self.folder / "data", *NAMED))
        self.nodes[0].start()
        self.nodes[0].wait_ready()

    def check(self) -> str:
        """Counts everything again, after the node has ended; what is wrong, if anything."""
        self.nodes[0].stop()
        return wrong_by_check(self.binary, ["--data", self.folder / "data"])

    def end(self) -> None:
        for node in self.nodes:
            node.kill()


class OnBrokers:
    """Nodes on brokers; unless told otherwise each is behind links of its own. Spare nodes may be added later."""

    PREFIX = "dauphin"
    PARTITIONS = 6
    SESSION_SECONDS = 6.0
    """A node that is not heard of for so long gives its partitions up."""

    def __init__(
        self, folder: Path, binary: Path, brokers: int, nodes: int, spare_nodes: int = 0, is_linked: bool = True
    ) -> None:
        self.folder = folder
        self.binary = binary
        everybody = nodes + spare_nodes
        self._brokers = Brokers(folder / "brokers", brokers, links=everybody if is_linked else 0)
        self.brokers = self._brokers.brokers
        self._links = Links()
        self.links: dict[str, list[Link]] = {}
        numbered = [self._node(number) for number in range(1, everybody + 1)]
        self.nodes, self.spares = numbered[:nodes], numbered[nodes:]
        self.workspace = Workspace("", {})

    def _node(self, number: int) -> Node:
        name = f"node {number}"
        listeners = self._brokers.link(number)
        self.links[name] = self._links.open(listeners)
        addresses = ",".join(f"{HOST}:{listener.advertised}" for listener in listeners)
        store = self._store(addresses or self._brokers.bootstrap)
        options = [*store, "--session-timeout", f"{self.SESSION_SECONDS:.0f}"]
        return Node(name, self.binary, options, self.folder / f"node-{number}.log", {})

    def _store(self, addresses: str) -> list[str]:
        return ["--store", "kafka", "--brokers", addresses, "--topic-prefix", self.PREFIX]

    def start(self) -> None:
        self._brokers.start()
        at = ["--brokers", self._brokers.bootstrap, "--topic-prefix", self.PREFIX]
        size = ["--partitions", str(self.PARTITIONS), "--replication-factor", str(len(self.brokers))]
        self.workspace = Workspace.read(told(self.binary, "cluster", "init", *at, *size, *NAMED))
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()

    def wait_for(self, broker: Broker) -> None:
        """Until a broker that was started again is one of them."""
        self._brokers.wait_for(broker)

    def change(self, what: Link, change: str, *values: float) -> None:
        """Does something to a link, by the name of its method."""
        self._links.run(getattr(what, change)(*values))

    def check(self) -> str:
        """Counts everything again from the topics; what is wrong, if anything."""
        return wrong_by_check(self.binary, self._store(self._brokers.bootstrap))

    def end(self) -> None:
        for node in [*self.nodes, *self.spares]:
            node.kill()
        self._brokers.end()
        self._links.end()


Stand = Embedded | OnBrokers


def told(binary: Path, *words: str | Path) -> str:
    """What a command prints that must succeed."""
    ran = subprocess.run([binary, *words], capture_output=True, text=True, timeout=CHECK_SECONDS_MAX)
    if ran.returncode != 0:
        raise RuntimeError(f"dauphin {' '.join(map(str, words[:2]))} ended with {ran.returncode}:\n{ran.stderr}")
    return ran.stdout


def wrong_by_check(binary: Path, store: Sequence[str | Path]) -> str:
    command = [binary, "check", *store]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS_MAX)
    if ran.returncode == 0 and json.loads(ran.stdout)["mismatches"] == 0:
        return ""
    return f"dauphin check ended with {ran.returncode}: {ran.stdout}{ran.stderr}"
