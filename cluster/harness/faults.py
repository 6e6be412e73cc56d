"""Faults: each is begun, lasts, and is healed; the order follows from a seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from harness.brokers import Broker
from harness.links import Link
from harness.node import Node
from harness.stand import OnBrokers, Stand

SHORT_SECONDS = (1.0, 4.0)
"""How long most of them last: less, and more, than it takes to find out."""
DELAY_SECONDS = (0.02, 0.3)
TOGETHER = 0.25
"""How often two come together."""


@dataclass
class Fault:
    """Something that goes wrong, and how it is made good again."""

    kind: str
    what: str
    touches: str
    """`node`, `broker` or `link`: two at once touch different ones. `all`: it comes alone, so that whoever is asked to
    end in good order is able to."""
    seconds: float
    begin: Callable[[], object]
    heal: Callable[[], object]
    settle: Callable[[], object] = lambda: None
    """Waits until it is over, when all else is healed too."""

    def goes_with(self, other: "Fault") -> bool:
        return self.touches != other.touches and "all" not in (self.touches, other.touches)


def faults_of(stand: Stand, random: Random) -> "NodeFaults":
    """Those that can happen to it."""
    return ClusterFaults(stand, random) if isinstance(stand, OnBrokers) else NodeFaults(stand, random)


class NodeFaults:
    """What can happen to nodes, wherever they keep what they know."""

    def __init__(self, stand: Stand, random: Random) -> None:
        self.nodes = stand.nodes
        self.random = random
        self.session_seconds = 0.0
        self.kinds: list[Callable[[], Fault]] = [self.node_killed, self.node_frozen, self.node_restarted]
        self.wrong: list[str] = []
        """What a node did that no fault excuses."""

    def draw(self) -> Iterator[list[Fault]]:
        """One or two at a time, for ever; every kind comes before any comes again."""
        deck = list(self.kinds)
        while True:
            for make in deck:
                first, second = make(), self.random.choice(self.kinds)()
                together = first.goes_with(second) and self.random.random() < TOGETHER
                yield [first, second] if together else [first]
            self.random.shuffle(deck)

    def node_killed(self) -> Fault:
        node = self.node()
        return Fault("node killed", node.name, "node", self.short(), node.kill, node.start, node.wait_ready)

    def node_frozen(self) -> Fault:
        """For longer than it takes the others to do without it: it wakes up as somebody whose work was given away."""
        node = self.node()
        return Fault("node frozen", node.name, "node", self.session_seconds + self.short(), node.freeze, node.thaw)

    def node_restarted(self) -> Fault:
        node = self.node()
        seconds = self.short()
        return Fault("node restarted", node.name, "all", seconds, lambda: self.stop(node), node.start, node.wait_ready)

    def node(self) -> Node:
        return self.random.choice(self.nodes)

    def short(self) -> float:
        return self.random.uniform(*SHORT_SECONDS)

    def stop(self, node: Node) -> None:
        """As an operator does: it finishes what it has and says that all is well."""
        code = node.stop()
        if code != 0:
            self.wrong.append(f"{node.name} ended with {code} after SIGTERM:\n{node.last_words()}")


class ClusterFaults(NodeFaults):
    """What can happen to nodes, brokers and the links between them. Never is more than one broker down."""

    def __init__(self, stand: OnBrokers, random: Random) -> None:
        super().__init__(stand, random)
        self.stand = stand
        self.session_seconds = stand.SESSION_SECONDS
        # The first of them are the ones that a short run has.
        self.kinds = [self.node_killed, self.broker_killed, self.node_frozen, self.link_stalled, self.node_restarted]
        self.kinds += [self.broker_frozen, self.node_cut_off, self.broker_restarted, self.link_muted, self.node_added]
        self.kinds += [self.link_refused, self.link_cut, self.link_slow, self.nodes_rolled]

    def broker_killed(self) -> Fault:
        broker = self.broker()
        seconds = self.short()
        return Fault("broker killed", broker.name, "broker", seconds, broker.kill, broker.start, self.back(broker))

    def broker_restarted(self) -> Fault:
        """It hands its partitions over before it ends."""
        broker = self.broker()
        seconds = self.short()
        return Fault("broker restarted", broker.name, "broker", seconds, broker.stop, broker.start, self.back(broker))

    def broker_frozen(self) -> Fault:
        broker = self.broker()
        seconds = 2 * self.short()
        return Fault("broker frozen", broker.name, "broker", seconds, broker.freeze, broker.thaw, self.back(broker))

    def node_cut_off(self) -> Fault:
        """Nothing passes between it and any broker; it runs, and clients still reach it."""
        node = self.node()
        seconds = self.session_seconds + self.short()
        return self.of_links("node cut off", node.name, "node", seconds, self.stand.links[node.name], "stall")

    def link_stalled(self) -> Fault:
        return self.of_link("link stalled", 2 * self.short(), "stall")

    def link_muted(self) -> Fault:
        return self.of_link("link muted", 2 * self.short(), "mute")

    def link_refused(self) -> Fault:
        return self.of_link("link refused", self.short(), "refuse")

    def link_cut(self) -> Fault:
        return self.of_link("link cut", 1.0, "cut")

    def link_slow(self) -> Fault:
        return self.of_link("link slow", self.short(), "delay", self.random.uniform(*DELAY_SECONDS))

    def node_added(self) -> Fault:
        """One more for a while."""
        node = self.random.choice(self.stand.spares)
        seconds = self.session_seconds + self.short()
        return Fault("node added", node.name, "all", seconds, node.start, lambda: self.removed(node))

    def nodes_rolled(self) -> Fault:
        """Each is restarted when the one before is ready again, as for a new release."""
        names = ", ".join(node.name for node in self.nodes)
        return Fault("nodes rolled", names, "all", 0.0, self.roll, lambda: None)

    def roll(self) -> None:
        for node in self.nodes:
            self.stop(node)
            node.start()
            node.wait_ready()

    def removed(self, node: Node) -> None:
        node.wait_ready()
        self.stop(node)

    def of_link(self, kind: str, seconds: float, change: str, *values: float) -> Fault:
        node = self.node()
        number = self.random.randrange(len(self.stand.brokers))
        what = f"{node.name} to {self.stand.brokers[number].name}"
        return self.of_links(kind, what, "link", seconds, [self.stand.links[node.name][number]], change, *values)

    def of_links(
        self, kind: str, what: str, touches: str, seconds: float, links: list[Link], change: str, *values: float
    ) -> Fault:
        def begin() -> None:
            for link in links:
                self.stand.change(link, change, *values)

        def heal() -> None:
            for link in links:
                self.stand.change(link, "heal")

        return Fault(kind, what, touches, seconds, begin, heal)

    def broker(self) -> Broker:
        return self.random.choice(self.stand.brokers)

    def back(self, broker: Broker) -> Callable[[], None]:
        return lambda: self.stand.wait_for(broker)
