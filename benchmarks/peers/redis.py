"""Redis: a bitmap of people a day and scope, as its documentation shows daily active users; and HyperLogLog."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from harness.data import WINDOW, Data
from harness.peer import ALL_APPS, IngestWay, Peer, SeriesWay, Skipped, modules
from harness.process import Process, free_port
from peers.croaring import daily_bitmaps

READY_SECONDS_MAX = 30
UNITE = "BITOP OR united dau:all:{day} … dau:all:{day-29}\nBITCOUNT united"


class Redis(Peer):
    name = "redis"
    title = "Redis"
    parts = ("series", "ingest", "growth")

    @classmethod
    def packages(cls) -> Iterator[str]:
        yield "redis-server"

    @classmethod
    def version(cls) -> str:
        modules("pyroaring")
        program = shutil.which("redis-server")
        if program is None:
            raise Skipped("redis-server is not installed")
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        return next(word.removeprefix("v=") for word in told.split() if word.startswith("v="))

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        with self.serve("--appendonly", "no") as port:
            connection = Connection(port)
            bitmaps = self._load_bitmaps(connection)
            facts = {"resident_bytes": float(connection.memory())}
            self._load_estimates(connection, bitmaps)

            def from_bitmaps(scope: str, days: Sequence[date]) -> list[int]:
                windows = [[f"dau:{scope}:{day - timedelta(days=back)}" for back in range(WINDOW)] for day in days]
                commands = [
                    command
                    for keys in windows
                    for command in (("BITOP", "OR", "united", *keys), ("BITCOUNT", "united"))
                ]
                return connection.numbers(commands)[1::2]

            def from_estimates(_: str, days: Sequence[date]) -> list[int]:
                windows = [[f"hll:{day - timedelta(days=back)}" for back in range(WINDOW)] for day in days]
                return connection.numbers([("PFCOUNT", *keys) for keys in windows])

            yield [
                SeriesWay("daily bitmaps, `BITOP OR`", UNITE, from_bitmaps, facts=facts),
                SeriesWay(
                    "daily HyperLogLog, `PFCOUNT`",
                    "PFCOUNT hll:{day} … hll:{day-29}",
                    from_estimates,
                    is_exact=False,
                    scopes=[ALL_APPS],
                ),
            ]

    def _load_bitmaps(self, connection: Connection) -> dict[tuple[str, date], Any]:
        """Whole bitmaps at a time; setting every bit by itself would only take longer."""
        import numpy as np

        bitmaps = daily_bitmaps(self.data)
        for (scope, day), bitmap in bitmaps.items():
            bits = np.zeros(self.data.users, np.uint8)
            bits[np.array(bitmap, np.uint32)] = 1
            connection.call([("SET", f"dau:{scope}:{day}", np.packbits(bits).tobytes())])
        return bitmaps

    def _load_estimates(self, connection: Connection, bitmaps: dict[tuple[str, date], Any]) -> None:
        first = self.data.points[0] - timedelta(days=WINDOW)
        for (scope, day), bitmap in bitmaps.items():
            if scope == ALL_APPS and day >= first and bitmap:
                connection.call([("PFADD", f"hll:{day}", *map(str, bitmap))])

    @contextmanager
    def ingests(self) -> Iterator[list[IngestWay]]:
        with self.serve("--appendonly", "yes", "--appendfsync", "always") as port:
            yield [RedisIngest(self.data, port)]

    @contextmanager
    def serve(self, *options: str) -> Iterator[int]:
        port = free_port()
        place = ("--bind", "127.0.0.1", "--port", str(port), "--dir", self.place, "--save", "")
        with Process(["redis-server", *place, *options], self.place / "redis.log") as process:
            process.until_ready(lambda: Connection(port).call([("PING",)]), OSError, READY_SECONDS_MAX)
            yield port


class RedisIngest(IngestWay):
    name = "Redis, `SETBIT`"
    shown = """appendonly yes, appendfsync always

SETBIT dau:{day}:{app} {user} 1
SETBIT dau:{day}:all {user} 1
… pipelined, a body at a time"""

    def __init__(self, data: Data, port: int) -> None:
        self.data, self.port = data, port

    def bodies(self, day: date, rows: range) -> list[Any]:
        made = []
        keys = [f"dau:{day}:{app}".encode() for app in self.data.apps]
        heads = [
            b"*4\r\n$6\r\nSETBIT\r\n$%d\r\n%b\r\n" % (len(key), key)
            for key in [*keys, f"dau:{day}:{ALL_APPS}".encode()]
        ]
        for users, apps in self.data.event_numbers(rows):
            parts: list[bytes] = []
            for user, app in zip(users, apps, strict=True):
                number = b"%d" % user
                tail = b"$%d\r\n%b\r\n$1\r\n1\r\n" % (len(number), number)
                parts += (heads[app], tail, heads[-1], tail)
            made.append((b"".join(parts), 2 * len(users)))
        return made

    def connect(self) -> Callable[[Any], None]:
        connection = Connection(self.port)
        return lambda body: connection.exchange_numbers(*body)

    def count(self, day: date) -> int:
        return Connection(self.port).numbers([("BITCOUNT", f"dau:{day}:{ALL_APPS}")])[0]


class Connection:
    """As much of the protocol as is needed here: commands, and answers of one line each."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, commands: Sequence[Iterable[str | bytes]]) -> list[bytes]:
        self.socket.sendall(b"".join(map(encoded, commands)))
        received = b""
        while received.count(b"\n") < len(commands):
            received += self.socket.recv(1 << 16)
        lines = received.split(b"\r\n")[: len(commands)]
        for line in lines:
            if line.startswith(b"-"):
                raise RuntimeError(f"Redis answers {line!r}")
        return lines

    def numbers(self, commands: Sequence[Iterable[str | bytes]]) -> list[int]:
        return [int(line.removeprefix(b":")) for line in self.call(commands)]

    def exchange_numbers(self, request: bytes, count: int) -> None:
        """Sends encoded commands that are each answered with a number."""
        self.socket.sendall(request)
        while count > 0:
            received = self.socket.recv(1 << 18)
            if not received or b"-" in received:
                raise RuntimeError(f"Redis answers {received[:200]!r}")
            count -= received.count(b"\n")

    def memory(self) -> int:
        """Bytes that the server uses."""
        self.socket.sendall(encoded(("INFO", "memory")))
        received = self.socket.recv(1 << 16)
        while b"\r\n" not in received:
            received += self.socket.recv(1 << 16)
        head, text = received.split(b"\r\n", 1)
        while len(text) < int(head.removeprefix(b"$")) + len(b"\r\n"):
            text += self.socket.recv(1 << 16)
        fields = dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)
        return int(fields[b"used_memory"])


def encoded(command: Iterable[str | bytes]) -> bytes:
    words = [word if isinstance(word, bytes) else word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
