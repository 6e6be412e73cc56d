"""Dauphin, as anybody runs it: `init`, `import`, `serve`, and HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from harness.data import Data
from harness.http import Connection, request
from harness.peer import ALL_APPS, ImportWay, IngestWay, Peer, SeriesWay, modules
from harness.process import Process, clean_environment, disk_bytes, resident_bytes

PROGRAM = "DAUPHIN_BINARY"
"""The environment variable that names the program."""
READY_SECONDS_MAX = 300
UNLIMITED = 4_000_000_000


class Dauphin(Peer):
    name = "dauphin"
    title = "Dauphin"
    parts = ("series", "import", "ingest", "start", "own", "growth")

    @classmethod
    def version(cls) -> str:
        return run("--version").split()[-1]

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        directory = Directory(self.place / "data", self.data)
        directory.import_file(self.data.parquet)
        with directory.serve() as server:
            connection = Connection(server.port)

            def answer(scope: str, days: Sequence[date]) -> list[int]:
                body = connection.exchange(directory.question(scope, days))
                return [point["mau"] for point in json.loads(body)["data"]]

            way = SeriesWay("one HTTP request", "GET " + directory.target(ALL_APPS, self.data.points), answer)
            asked = directory.question(ALL_APPS, self.data.points)
            way.timed = lambda: connection.exchange(asked)
            way.facts["resident_bytes"] = resident_bytes(server.process.pid)
            way.facts["disk_bytes"] = disk_bytes(directory.path)
            yield [way]

    def imports(self) -> list[ImportWay]:
        return [DauphinImport(self.data, self.place)]

    @contextmanager
    def ingests(self) -> Iterator[list[IngestWay]]:
        modules("numpy", "pyarrow")
        directory = Directory(self.place / "data", self.data)
        directory.import_file(self.data.parquet)
        with directory.serve() as server:
            yield [DauphinIngest(self.data, directory, server)]

    def facts(self) -> dict[str, float]:
        """Ready again after a clean stop and after a kill, and the memory of the process."""
        directory = Directory(self.place / "data", self.data)
        directory.import_file(self.data.parquet)
        found: dict[str, float] = {"disk_bytes": disk_bytes(directory.path)}
        with directory.serve() as server:
            found["ready_after_import_seconds"] = server.ready_seconds
            found["resident_bytes"] = resident_bytes(server.process.pid)
            # What a kill finds half done.
            events = Connection(server.port)
            for body in self.data.event_lines(self.data.rounds[0].rows[: 20 * self.data.body_rows]):
                events.exchange(request("POST", "/ingest", directory.key, body))
            server.process.stop(signal.SIGKILL)
        with directory.serve() as server:
            found["ready_after_kill_seconds"] = server.ready_seconds
        with directory.serve() as server:
            found["ready_after_stop_seconds"] = server.ready_seconds
        return found

    def report(self, is_quick: bool) -> dict[str, Any]:
        quick = ["--quick"] if is_quick else []
        told: dict[str, Any] = json.loads(run("bench", "--json", "--users", self.data.users, *quick))
        return told


class Directory:
    """A data directory with the apps of the data and a key that no limit stops."""

    def __init__(self, path: Path, data: Data) -> None:
        self.path = path
        apps = [word for app in data.apps for word in ("--app", f"{app}={app}")]
        self.key: str = json.loads(run("init", "--data", path, *apps))["api_key"]
        run("workspace", "set", "--data", path, f"rate_limit_per_hour={UNLIMITED}")

    def import_file(self, file: Path) -> dict[str, Any]:
        rejects = self.path.parent / "rejects.ndjson"
        told: dict[str, Any] = json.loads(run("import", "--data", self.path, "--rejects", rejects, file))
        if told["rejected"]:
            raise RuntimeError(f"{told['rejected']} rows of `{file}` were rejected")
        return told

    def serve(self) -> Server:
        return Server(self.path)

    def target(self, scope: str, days: Sequence[date], metric: str = "mau") -> str:
        """What a request asks for."""
        app = "" if scope == ALL_APPS else f"&app_id={scope}"
        return f"/kpi/{metric}/data_series?length={len(days)}&ending_at={days[-1] + timedelta(days=1)}{app}"

    def question(self, scope: str, days: Sequence[date], metric: str = "mau") -> bytes:
        return request("GET", self.target(scope, days, metric), self.key)


class Server:
    """Serves until the end of its `with`."""

    def __init__(self, path: Path) -> None:
        log = path.parent / "serve.log"
        started = time.perf_counter()
        self.process = Process([program(), "serve", "--data", path, "--listen", "127.0.0.1:0"], log)
        self.port = 0
        while not self.port:
            for line in log.read_text().splitlines(keepends=True):
                if "listening on http" in line and line.endswith("\n"):
                    self.port = int(line.strip().rsplit(":", 1)[1])
            self.process.check()
            if time.perf_counter() - started > READY_SECONDS_MAX:
                raise RuntimeError(f"the server was not ready within {READY_SECONDS_MAX} seconds")
            time.sleep(0.002)
        self.ready_seconds = time.perf_counter() - started

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()


class DauphinImport(ImportWay):
    name = "`dauphin import`"
    shown = "dauphin import --data DIR FILE"
    is_durable = True

    def __init__(self, data: Data, place: Path) -> None:
        self.data, self.path = data, place / "data"
        self.told: dict[str, Any] = {}
        self.directory = Directory(self.path, data)

    def load(self, file: Path) -> None:
        self.told = self.directory.import_file(file)

    def count(self) -> int:
        return int(self.told["new_user_days"])

    def clear(self) -> None:
        shutil.rmtree(self.path)
        self.directory = Directory(self.path, self.data)


class DauphinIngest(IngestWay):
    name = "`POST /ingest`, NDJSON"
    shown = "POST /ingest\n\n" + '{"user_id":"…","time":"2025-02-04T00:00:00Z","app_id":"web"}\n…'

    def __init__(self, data: Data, directory: Directory, server: Server) -> None:
        self.data, self.directory, self.server = data, directory, server

    def bodies(self, day: date, rows: range) -> list[Any]:
        return [request("POST", "/ingest", self.directory.key, body) for body in self.data.event_lines(rows)]

    def connect(self) -> Callable[[Any], None]:
        connection = Connection(self.server.port)
        return lambda body: check_taken(connection.exchange(body))

    def count(self, day: date) -> int:
        body = Connection(self.server.port).exchange(self.directory.question(ALL_APPS, [day], "dau"))
        return int(json.loads(body)["data"][0]["dau"])

    def settle(self) -> None:
        self.server.process.stop()


def check_taken(answer: bytes) -> None:
    if b'"errors"' in answer:
        raise RuntimeError(f"events were refused: {answer[:500]!r}")


def program() -> str:
    return os.environ[PROGRAM]


def run(*words: object) -> str:
    command = [program(), *map(str, words)]
    ran = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` fails: {ran.stderr[-2000:]}")
    return ran.stdout
