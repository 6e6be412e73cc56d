"""Apache Kafka on loopback: brokers that are controllers too, with small heaps and short waits."""

import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness import wire
from harness.install import jars
from harness.ports import HOST, free_ports
from harness.process import Process

CLUSTER_ID = "ZGF1cGhpbi1jbHVzdGVyLQ"
"""Sixteen bytes in base64, as the brokers want it; the clusters here never meet each other."""
HEAP_MEGABYTES = 320
FORMAT_SECONDS_MAX = 120
START_SECONDS_MAX = 120
POLL_SECONDS = 0.1

JAVA = [
    "java",
    "-Xms64m",
    f"-Xmx{HEAP_MEGABYTES}m",
    # One collector thread and the quick compiler alone: what counts here is starting soon beside others.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
    "-Dorg.slf4j.simpleLogger.log.kafka.coordinator=info",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.coordinator=info",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.controller=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    "-Dorg.slf4j.simpleLogger.showShortLogName=true",
]

SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "DIRECT",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    # Each listener has network threads of its own, and here are many listeners and few connections.
    "num.network.threads": "1",
    "num.io.threads": "4",
    "num.recovery.threads.per.data.dir": "1",
    # A cleaner for small topics: the default takes 128 MiB of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
    "log.index.size.max.bytes": str(1 << 20),
    # The brokers' own topics: few partitions, so that they are made and moved quickly.
    "offsets.topic.num.partitions": "4",
    "offsets.topic.segment.bytes": str(16 << 20),
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.segment.bytes": str(16 << 20),
    "share.coordinator.state.topic.num.partitions": "1",
    # A group starts with whoever is there, and may find out soon that a member is gone.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "300",
    # A transaction whose owner is gone holds its readers back until it is aborted.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A dead broker's partitions find other leaders within seconds.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "4000",
    "replica.lag.time.max.ms": "6000",
    "log.retention.check.interval.ms": "60000",
}


@dataclass(frozen=True)
class Listener:
    """A port of a broker, and the port that its clients are told to come to."""

    name: str
    port: int
    advertised: int


class Broker(Process):
    """One of the brokers; the same ports and the same data however often it is started."""

    def __init__(self, folder: Path, number: int, listeners: Sequence[Listener], controllers: Sequence[int]) -> None:
        self.number = number
        self.listeners = {listener.name: listener for listener in listeners}
        self.folder = folder / f"broker-{number}"
        self.properties = folder / f"broker-{number}.properties"
        self.classpath = f"{jars()}/*"
        self.folder.mkdir(parents=True)
        settings = {**SETTINGS, **self._own_settings(controllers)}
        self.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        run: list[str | Path] = [*JAVA, "-cp", self.classpath, "kafka.Kafka", self.properties]
        super().__init__(f"broker {number}", run, folder / f"broker-{number}.log")

    def _own_settings(self, controllers: Sequence[int]) -> dict[str, str]:
        named = self.listeners.values()
        replicas = len(controllers)
        in_sync = min(2, replicas)
        return {
            "node.id": str(self.number),
            "log.dirs": str(self.folder),
            "controller.quorum.voters": ",".join(f"{n}@{HOST}:{port}" for n, port in enumerate(controllers, 1)),
            "listeners": ",".join(f"{each.name}://{HOST}:{each.port}" for each in named),
            "advertised.listeners": ",".join(f"{each.name}://{HOST}:{each.advertised}" for each in named),
            "listener.security.protocol.map": ",".join(f"{each.name}:PLAINTEXT" for each in named),
            "default.replication.factor": str(replicas),
            "min.insync.replicas": str(in_sync),
            "offsets.topic.replication.factor": str(replicas),
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(in_sync),
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": str(in_sync),
        }

    @property
    def port(self) -> int:
        """Where the other brokers, and clients without a link of their own, come to."""
        return self.listeners["DIRECT"].port

    def format(self) -> None:
        """Writes down, before the first start, which cluster the storage belongs to."""
        tool = [*JAVA, "-cp", self.classpath, "kafka.tools.StorageTool"]
        command = [*tool, "format", "--cluster-id", CLUSTER_ID, "--config", str(self.properties)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_SECONDS_MAX)
        if ran.returncode != 0:
            raise RuntimeError(f"storage of {self.name} was not formatted:\n{ran.stdout}{ran.stderr}")


class Brokers:
    """Some brokers that know each other. With links, each link has a listener on each broker, and its clients are
    sent to the link's ports: what listens there passes them on, or does not."""

    def __init__(self, folder: Path, count: int, links: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ports = iter(free_ports(count * (2 + 2 * links)))
        controllers = [next(ports) for _ in range(count)]
        self.brokers: list[Broker] = []
        for number, controller in enumerate(controllers, 1):
            direct = next(ports)
            listeners = [Listener("CONTROLLER", controller, controller), Listener("DIRECT", direct, direct)]
            for link in range(1, links + 1):
                listeners.append(Listener(f"LINK{link}", next(ports), next(ports)))
            self.brokers.append(Broker(folder, number, listeners, controllers))

    @property
    def bootstrap(self) -> str:
        """The addresses that a client begins with, without a link between."""
        return ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)

    def link(self, link: int) -> list[Listener]:
        """The listeners that a link leads to, one a broker; none if there are no links."""
        named = (broker.listeners.get(f"LINK{link}") for broker in self.brokers)
        return [listener for listener in named if listener]

    def start(self) -> None:
        """Formats, starts, and waits until every broker knows of all."""
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            list(pool.map(Broker.format, self.brokers))
        for broker in self.brokers:
            broker.start()
        self.wait()

    def wait(self) -> None:
        """Until every broker answers and knows of all of them, and of a controller."""
        for broker in self.brokers:
            self.wait_for(broker)

    def wait_for(self, broker: Broker) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        want = {each.number for each in self.brokers if each.is_running}
        while time.monotonic() < deadline:
            if not broker.is_running:
                raise RuntimeError(f"{broker.name} ended:\n{broker.last_words()}")
            if want <= wire.known_brokers(HOST, broker.port):
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"{broker.name} did not know of {want} in {START_SECONDS_MAX} s:\n{broker.last_words()}")

    def end(self) -> None:
        """Nothing of theirs is needed afterwards, so they are not asked."""
        for broker in self.brokers:
            broker.kill()
