"""PostgreSQL: a table with a primary key, and SQL; and HyperLogLog where its extension is installed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from harness.data import WINDOW, Data
from harness.peer import ALL_APPS, IngestWay, Peer, SeriesWay, Skipped, modules
from harness.process import Process, free_port, unprivileged_user

READY_SECONDS_MAX = 60
POINTS_MAX = 10
SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
}
"""What differs from what it comes with: memory as a machine of its own would give it. Syncing does not."""

USER_DAYS = 'CREATE TABLE user_days (day date, app smallint, "user" integer)'
UNIQUE = 'ALTER TABLE user_days ADD PRIMARY KEY (day, app, "user")'

EACH_POINT = f"""SELECT count(DISTINCT "user") FROM user_days
WHERE day BETWEEN %(day)s::date - {WINDOW - 1} AND %(day)s"""

MAKE_ESTIMATES = """CREATE TABLE daily AS
SELECT day, hll_add_agg(hll_hash_integer("user")) AS users FROM user_days GROUP BY day"""

FROM_ESTIMATES = f"""SELECT day, #hll_union_agg(users)
  OVER (ORDER BY day RANGE BETWEEN '{WINDOW - 1} days' PRECEDING AND CURRENT ROW)
FROM daily ORDER BY day"""

TAKE = """COPY taken FROM STDIN;
INSERT INTO user_days SELECT DISTINCT day, app, "user" FROM taken ORDER BY day, app, "user"
ON CONFLICT DO NOTHING;
COMMIT"""


class PostgreSQL(Peer):
    name = "postgresql"
    title = "PostgreSQL"
    parts = ("series", "ingest")

    @classmethod
    def packages(cls) -> Iterator[str]:
        yield "postgresql"
        with suppress(Skipped):
            yield f"postgresql-{cls.version().split('.')[0]}-hll"

    @classmethod
    def version(cls) -> str:
        modules("psycopg")
        told = subprocess.run([programs() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return told.split()[2]

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        with self.serve() as connect:
            database = connect()
            database.execute(USER_DAYS)
            self._load(database)
            database.execute(UNIQUE)
            database.execute("VACUUM ANALYZE user_days")
            facts = {"disk_bytes": float(database.execute("SELECT pg_total_relation_size('user_days')").fetchone()[0])}

            def each_point(scope: str, days: Sequence[date]) -> list[int]:
                app = self.and_app(scope)
                return [database.execute(EACH_POINT + app, {"day": day}).fetchone()[0] for day in days]

            ways = [
                SeriesWay(
                    "`count(DISTINCT …)`, a query a point", EACH_POINT, each_point, points_max=POINTS_MAX, facts=facts
                )
            ]
            if database.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hll'").fetchone():
                ways.append(self._estimates(database))
            yield ways

    def _load(self, database: Any) -> None:
        import io

        import pyarrow
        import pyarrow.csv
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(self.data.numbers).select(["day", "app", "user"])
        rows = rows.group_by(["day", "app", "user"]).aggregate([]).sort_by([("day", "ascending"), ("app", "ascending")])
        options = pyarrow.csv.WriteOptions(include_header=False)
        with database.cursor().copy("COPY user_days FROM STDIN (FORMAT csv)") as copy:
            for batch in rows.to_batches(max_chunksize=1 << 20):
                text = io.BytesIO()
                pyarrow.csv.write_csv(batch, text, options)
                copy.write(text.getvalue())

    def _estimates(self, database: Any) -> SeriesWay:
        database.execute("CREATE EXTENSION hll")
        started = time.perf_counter()
        database.execute(MAKE_ESTIMATES)
        facts = {"prepared_seconds": time.perf_counter() - started}

        def answer(_: str, days: Sequence[date]) -> list[int]:
            counts = dict(database.execute(FROM_ESTIMATES).fetchall())
            return [round(counts[day]) for day in days]

        shown = f"{MAKE_ESTIMATES};\n\n{FROM_ESTIMATES}"
        return SeriesWay(
            "`hll` states a day, built beforehand", shown, answer, is_exact=False, scopes=[ALL_APPS], facts=facts
        )

    @contextmanager
    def ingests(self) -> Iterator[list[IngestWay]]:
        with self.serve() as connect:
            database = connect()
            database.execute(USER_DAYS)
            database.execute(UNIQUE)
            yield [PostgreSQLIngest(self.data, connect)]

    @contextmanager
    def serve(self) -> Iterator[Callable[[], Any]]:
        """Starts a cluster of its own; gives a function that connects to it."""
        import psycopg

        user, cluster, port = unprivileged_user(), self.place / "cluster", free_port()
        cluster.mkdir()
        if user is not None:
            shutil.chown(cluster, user)
        options = ["--username", "bench", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        initdb: list[str | Path] = [programs() / "initdb", "--pgdata", cluster, *options]
        with Process(initdb, self.place / "initdb.log", user) as process:
            if process.popen.wait() != 0:
                raise RuntimeError(process.log.read_text())
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        listen = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "unix_socket_directories="]
        command: list[str | Path] = [programs() / "postgres", "-D", cluster, *listen, *settings]
        # On SIGTERM it would wait for every connection to end.
        with Process(command, self.place / "postgres.log", user, stop_signal=signal.SIGINT) as process:

            def connect() -> Any:
                return psycopg.connect(host="127.0.0.1", port=port, user="bench", dbname="postgres", autocommit=True)

            process.until_ready(lambda: connect().close(), psycopg.OperationalError, READY_SECONDS_MAX)
            yield connect


class PostgreSQLIngest(IngestWay):
    name = "PostgreSQL, `COPY` and `INSERT … ON CONFLICT`"
    shown = f"{USER_DAYS};\n{UNIQUE};\n\n{TAKE}"

    def __init__(self, data: Data, connect: Callable[[], Any]) -> None:
        self.data, self.open = data, connect

    def bodies(self, day: date, rows: range) -> list[Any]:
        text = str(day)
        return [
            "".join(f"{text}\t{app}\t{user}\n" for user, app in zip(users, apps, strict=True)).encode()
            for users, apps in self.data.event_numbers(rows)
        ]

    def connect(self) -> Callable[[Any], None]:
        database = self.open()
        database.execute("CREATE TEMPORARY TABLE taken (LIKE user_days) ON COMMIT DELETE ROWS")
        copy_in, insert, _ = TAKE.split(";\n")

        def take(body: bytes) -> None:
            with database.transaction():
                with database.cursor().copy(copy_in) as copy:
                    copy.write(body)
                database.execute(insert)

        return take

    def count(self, day: date) -> int:
        counted = self.open().execute('SELECT count(DISTINCT "user") FROM user_days WHERE day = %s', [day])
        return int(counted.fetchone()[0])

    def settle(self) -> None:
        self.open().execute("CHECKPOINT")


def programs() -> Path:
    """The folder of the newest installed server's programs, which distributions leave off the path."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Skipped("PostgreSQL's server is not installed")
    return found[-1].parent
