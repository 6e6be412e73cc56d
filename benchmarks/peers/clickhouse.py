"""ClickHouse, as the library chDB: the same engine inside the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from harness.data import EPOCH, WINDOW, Data
from harness.peer import ALL_APPS, ImportWay, IngestWay, Peer, SeriesWay, modules
from harness.process import disk_bytes

DURABLE = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
USER_DAYS = "CREATE TABLE d.user_days (day Date32, app UInt8, user UInt32) ENGINE = MergeTree ORDER BY (day, app, user)"

EACH_POINT = f"""SELECT uniqExact(user) FROM d.user_days
WHERE day BETWEEN toDate32('{{day}}') - {WINDOW - 1} AND toDate32('{{day}}')"""

ALL_POINTS = f"""SELECT toDate32(day + after) AS point, uniqExact(user)
FROM d.user_days ARRAY JOIN range({WINDOW}) AS after
WHERE day BETWEEN toDate32('{{first}}') - {WINDOW - 1} AND '{{last}}' AND point BETWEEN '{{first}}' AND '{{last}}'
GROUP BY point ORDER BY point"""

ALL = 255
"""Stands for all apps in the table of states."""
MAKE_STATES = f"""CREATE TABLE d.daily (day Date32, app UInt8, users AggregateFunction(groupBitmap, UInt32))
  ENGINE = AggregatingMergeTree ORDER BY (app, day);
INSERT INTO d.daily SELECT day, app, groupBitmapState(user) FROM d.user_days GROUP BY day, app;
INSERT INTO d.daily SELECT day, {ALL}, groupBitmapState(user) FROM d.user_days GROUP BY day"""

FROM_STATES = f"""SELECT day, groupBitmapMerge(users)
  OVER (ORDER BY day RANGE BETWEEN {WINDOW - 1} PRECEDING AND CURRENT ROW)
FROM d.daily WHERE app = {{app}} AND day BETWEEN toDate32('{{first}}') - {WINDOW - 1} AND '{{last}}'
ORDER BY day"""


class ClickHouse(Peer):
    name = "clickhouse"
    title = "ClickHouse (chDB)"
    parts = ("series", "import", "ingest")

    @classmethod
    def version(cls) -> str:
        modules("chdb")
        import chdb

        return f"{chdb.query('SELECT version()', 'TSVRaw').data().strip()}, chDB {chdb.__version__}"

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        database = Database(self.place / "series", self.threads)
        database.run(USER_DAYS)
        database.run(f"INSERT INTO d.user_days SELECT DISTINCT day, app, user FROM file('{self.data.numbers}')")
        database.run("OPTIMIZE TABLE d.user_days FINAL")
        facts = {"disk_bytes": float(disk_bytes(self.place))}
        started = time.perf_counter()
        for statement in MAKE_STATES.split(";\n"):
            database.run(statement)
        prepared = {"prepared_seconds": time.perf_counter() - started}

        def each_point(scope: str, days: Sequence[date]) -> list[int]:
            app = self.and_app(scope)
            return [int(database.run(EACH_POINT.format(day=day) + app)) for day in days]

        def counts(statement: str, days: Sequence[date]) -> list[int]:
            lines = (line.split("\t") for line in database.run(statement).splitlines())
            found = {date.fromisoformat(day): int(count) for day, count in lines}
            return [found[day] for day in days]

        def all_points(_: str, days: Sequence[date]) -> list[int]:
            return counts(ALL_POINTS.format(first=days[0], last=days[-1]), days)

        def from_states(scope: str, days: Sequence[date]) -> list[int]:
            app = ALL if scope == ALL_APPS else self.data.apps.index(scope)
            return counts(FROM_STATES.format(app=app, first=days[0], last=days[-1]), days)

        try:
            yield [
                SeriesWay("`uniqExact`, a query a point", EACH_POINT, each_point, facts=facts),
                SeriesWay("`uniqExact`, one query", ALL_POINTS, all_points, scopes=[ALL_APPS]),
                SeriesWay(
                    "`groupBitmap` states a day, built beforehand",
                    f"{MAKE_STATES};\n\n{FROM_STATES}",
                    from_states,
                    facts=prepared,
                ),
            ]
        finally:
            database.close()

    def imports(self) -> list[ImportWay]:
        database = Database(self.place / "import", self.threads)
        return [
            ClickHouseImport("ClickHouse, MergeTree", "MergeTree ORDER BY (day, app_id, user_id)", database),
            ClickHouseImport("ClickHouse, in memory", "Memory", database),
        ]

    @contextmanager
    def ingests(self) -> Iterator[list[IngestWay]]:
        database = Database(self.place / "ingest", self.threads)
        database.run(f"{USER_DAYS} {DURABLE}")
        try:
            yield [ClickHouseIngest(self.data, database)]
        finally:
            database.close()


class Database:
    """A folder that one process has open; every thread may connect to it."""

    def __init__(self, path: Path, threads: int) -> None:
        import chdb

        self.connect = lambda: chdb.connect(str(path))
        self.connection = self.connect()
        self.run("CREATE DATABASE IF NOT EXISTS d")
        self.run(f"SET max_threads = {threads}")

    def run(self, statement: str) -> str:
        return str(self.connection.query(statement, "TSV").data())

    def close(self) -> None:
        self.connection.close()


FORMS = {
    ".parquet": ("Parquet", "DateTime64(6, \\'UTC\\')", "toDate32(time)"),
    ".csv": ("CSVWithNames", "String", "toDate32(substring(time, 1, 10))"),
}
"""How files are read. Left to guess the types, it takes slower ones."""


class ClickHouseImport(ImportWay):
    shown = """CREATE TABLE user_days (day Date32, app_id LowCardinality(String), user_id String) ENGINE = …;
INSERT INTO user_days SELECT toDate32(time) AS day, app_id, user_id FROM file(FILE, …) GROUP BY ALL"""

    def __init__(self, name: str, engine: str, database: Database) -> None:
        self.name, self.database = name, database
        self.is_durable = engine != "Memory"
        self.engine = f"{engine} {DURABLE}" if self.is_durable else engine

    def load(self, file: Path) -> None:
        columns = "day Date32, app_id LowCardinality(String), user_id String"
        self.database.run(f"CREATE TABLE d.loaded ({columns}) ENGINE = {self.engine}")
        form, time, day = FORMS[file.suffix]
        source = f"file('{file}', {form}, 'user_id String, time {time}, app_id LowCardinality(String)')"
        # On several threads, as SELECT DISTINCT is not.
        self.database.run(f"INSERT INTO d.loaded SELECT {day} AS day, app_id, user_id FROM {source} GROUP BY ALL")

    def count(self) -> int:
        return int(self.database.run("SELECT count() FROM d.loaded"))

    def clear(self) -> None:
        self.database.run("DROP TABLE d.loaded SYNC")


class ClickHouseIngest(IngestWay):
    name = "ClickHouse, `INSERT`"
    shown = f"{USER_DAYS}\n  {DURABLE};\nINSERT INTO user_days VALUES (day, app, user), …"

    def __init__(self, data: Data, database: Database) -> None:
        self.data, self.database = data, database

    def bodies(self, day: date, rows: range) -> list[Any]:
        number = (day - EPOCH) // timedelta(days=1)
        made = []
        for users, apps in self.data.event_numbers(rows):
            values = ",".join(f"({number},{app},{user})" for user, app in zip(users, apps, strict=True))
            made.append(f"INSERT INTO d.user_days VALUES {values}")
        return made

    def connect(self) -> Callable[[Any], None]:
        connection = self.database.connect()
        return lambda body: connection.query(body)

    def count(self, day: date) -> int:
        return int(self.database.run(f"SELECT uniqExact(user) FROM d.user_days WHERE day = '{day}'"))
