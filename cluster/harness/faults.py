"""Faults: each is begun, lasts, and is healed; the order follows from a seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from harness.brokers import Broker
from harness.links import Link
from harness.node import Node
from harness.stand import Embedded, OnBrokers, Stand

SHORT_SECONDS = (1.0, 4.0)
"""How long most of them last: less, and more, than a broker needs to find out."""
DELAY_SECONDS = (0.02, 0.3)
TOGETHER = 0.25
"""How often two of different kinds come together."""


@dataclass
class Fault:
    """Something that went wrong, and how it is made good again."""

    kind: str
    what: str
    touches: str
    """`node`, `broker` or `link`: of two faults at once each touches something else."""
    seconds: float
    begin: Callable[[], None]
    heal: Callable[[], None]


class Faults:
    """Draws faults for a stand. Never is more than one broker down."""

    def __init__(self, stand: Stand, random: Random) -> None:
        self.stand = stand
        self.random = random
        self.wrong: list[str] = []
        """What a node did that no fault excuses."""
        kinds = [self.node_killed, self.node_frozen, self.node_restarted]
        if isinstance(stand, OnBrokers):
            # The first of them are the ones that a short run has.
            kinds = [self.node_killed, self.broker_killed, self.node_frozen, self.link_stalled, self.node_restarted]
            kinds += [self.broker_frozen, self.broker_restarted, self.node_cut_off, self.link_muted]
            kinds += [self.link_refused, self.link_cut, self.link_slow, self.node_added]
        self.kinds: list[Callable[[], Fault]] = kinds

    def draw(self) -> Iterator[list[Fault]]:
        """One or two at a time, for ever; every kind comes before any comes again."""
        deck = list(self.kinds)
        while True:
            for make in deck:
                faults = [make()]
                if self.random.random() < TOGETHER:
                    second = self.random.choice(self.kinds)()
                    if second.touches != faults[0].touches:
                        faults.append(second)
                yield faults
            self.random.shuffle(deck)

    def node_killed(self) -> Fault:
        node = self._node()
        return Fault("node killed", node.name, "node", self._short(), node.kill, lambda: self._start(node))

    def node_frozen(self) -> Fault:
        """For longer than it takes the others to do without it: it wakes up as somebody whose work was given away."""
        node = self._node()
        session = self.stand.SESSION_SECONDS if isinstance(self.stand, OnBrokers) else 0.0
        return Fault("node frozen", node.name, "node", session + self._short(), node.freeze, node.thaw)

    def node_restarted(self) -> Fault:
        node = self._node()
        return Fault("node restarted", node.name, "node", self._short(), lambda: self._stop(node), lambda: self._start(node))

    def broker_killed(self) -> Fault:
        broker = self._broker()
        return Fault("broker killed", broker.name, "broker", self._short(), broker.kill, lambda: self._start_broker(broker))

    def broker_restarted(self) -> Fault:
        """It hands its partitions over before it ends."""
        broker = self._broker()
        return Fault(
            "broker restarted", broker.name, "broker", self._short(), lambda: self._stop_broker(broker), lambda: self._start_broker(broker)
        )

    def broker_frozen(self) -> Fault:
        broker = self._broker()
        seconds = self._short() * 2
        return Fault("broker frozen", broker.name, "broker", seconds, broker.freeze, broker.thaw)

    def node_cut_off(self) -> Fault:
        """Nothing passes between it and any broker; it runs, and clients still reach it."""
        node = self._node()
        links = self.stand.links[node.name]
        session = OnBrokers.SESSION_SECONDS
        return self._links("node cut off", node.name, links, "stall", session + self._short(), touches="node")

    def link_stalled(self) -> Fault:
        return self._link("link stalled", "stall", self._short() * 2)

    def link_muted(self) -> Fault:
        return self._link("link muted", "mute", self._short() * 2)

    def link_refused(self) -> Fault:
        return self._link("link refused", "refuse", self._short())

    def link_cut(self) -> Fault:
        return self._link("link cut", "cut", 1.0)

    def link_slow(self) -> Fault:
        return self._link("link slow", "delay", self._short(), self.random.uniform(*DELAY_SECONDS))

    def node_added(self) -> Fault:
        """One more for a while."""
        assert isinstance(self.stand, OnBrokers), "a data directory has one node"
        node = self.random.choice(self.stand.spares)
        seconds = self.stand.SESSION_SECONDS + self._short()
        return Fault("node added", node.name, "node", seconds, lambda: self._start(node), lambda: self._stop(node))

    def _link(self, kind: str, change: str, seconds: float, *values: float) -> Fault:
        node = self._node()
        number = self.random.randrange(len(self.stand.brokers))
        what = f"{node.name} to {self.stand.brokers[number].name}"
        return self._links(kind, what, [self.stand.links[node.name][number]], change, seconds, *values)

    def _links(
        self, kind: str, what: str, links: list[Link], change: str, seconds: float, *values: float, touches: str = "link"
    ) -> Fault:
        stand = self.stand
        assert isinstance(stand, OnBrokers), "a data directory has no links"

        def begin() -> None:
            for link in links:
                stand.link(link, change, *values)

        def heal() -> None:
            for link in links:
                stand.link(link, "heal")

        return Fault(kind, what, touches, seconds, begin, heal)

    def _node(self) -> Node:
        return self.random.choice(self.stand.nodes)

    def _broker(self) -> Broker:
        return self.random.choice(self.stand.brokers)

    def _short(self) -> float:
        return self.random.uniform(*SHORT_SECONDS)

    def _start(self, node: Node) -> None:
        node.start()
        node.wait_ready()

    def _stop(self, node: Node) -> None:
        """As an operator does: it finishes what it has and says that all is well."""
        code = node.stop()
        if code != 0:
            self.wrong.append(f"{node.name} ended with {code} after SIGTERM:\n{node.last_words()}")

    def _start_broker(self, broker: Broker) -> None:
        assert not isinstance(self.stand, Embedded), "a data directory has no brokers"
        broker.start()
        self.stand.wait_for(broker)

    def _stop_broker(self, broker: Broker) -> None:
        broker.stop()
