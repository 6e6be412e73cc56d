"""As much as a store takes: bodies made beforehand, several connections, every answer timed."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from harness.client import Workspace
from harness.family import EPOCH
from harness.ports import HOST

ROWS_A_BODY = 2_000
ANSWER_SECONDS_MAX = 60.0


def bodies(users: int, days: range, app: str) -> list[bytes]:
    """NDJSON in which each user is active once on each day."""
    made = []
    for day in days:
        date = (EPOCH + timedelta(days=day)).date().isoformat()
        rows = [f'{{"user_id":"u{user}","time":"{date}T12:00:00Z","app_id":"{app}"}}' for user in range(users)]
        made += ["\n".join(rows[at : at + ROWS_A_BODY]).encode() for at in range(0, users, ROWS_A_BODY)]
    return made


@dataclass(frozen=True)
class Flooded:
    """What sending everything once took."""

    rows: int
    seconds: float
    answer_seconds: list[float]
    """Of each request, sorted."""

    @property
    def rows_a_second(self) -> float:
        return self.rows / self.seconds

    def answered_within(self, share: float) -> float:
        """The time within which this share of the requests was answered."""
        return self.answer_seconds[min(int(share * len(self.answer_seconds)), len(self.answer_seconds) - 1)]


def flood(ports: Sequence[int], workspace: Workspace, sent: Sequence[bytes], connections: int) -> Flooded:
    """Sends every body once, over so many connections, to all of the ports in turn."""
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        parts = [
            pool.submit(send, ports[number % len(ports)], workspace, sent[number::connections])
            for number in range(connections)
        ]
        taken = [seconds for part in parts for seconds in part.result()]
    rows = sum(body.count(b"\n") + 1 for body in sent)
    return Flooded(rows, time.perf_counter() - started, sorted(taken))


def send(port: int, workspace: Workspace, sent: Sequence[bytes]) -> list[float]:
    """Over one connection, one after another; how long each answer took."""
    headers = {"Authorization": f"Bearer {workspace.api_key}"}
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS_MAX)
    taken = []
    for body in sent:
        started = time.perf_counter()
        connection.request("POST", "/ingest", body, headers)
        answer = connection.getresponse()
        told = answer.read()
        taken.append(time.perf_counter() - started)
        if answer.status != 200:
            raise RuntimeError(f"/ingest: {answer.status} {told!r}")
    connection.close()
    return taken
