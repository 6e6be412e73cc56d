"""DuckDB: an analytical database in the process, and SQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data import WINDOW
from harness.peer import ALL_APPS, ImportWay, Peer, SeriesWay, modules
from harness.process import disk_bytes

if TYPE_CHECKING:
    import duckdb

EACH_POINT = f"""SELECT count(DISTINCT "user") FROM user_days
WHERE day BETWEEN $day::date - {WINDOW - 1} AND $day"""

ALL_POINTS = f"""SELECT p.day, count(DISTINCT u."user")
FROM points p JOIN user_days u ON u.day BETWEEN p.day - {WINDOW - 1} AND p.day
GROUP BY p.day ORDER BY p.day"""

MAKE_GAPS = """CREATE TABLE gaps AS
SELECT day, gap, count(*) AS users FROM (
  SELECT day, coalesce(day - lag(day) OVER (PARTITION BY "user" ORDER BY day), 100000) AS gap
  FROM (SELECT DISTINCT "user", day FROM user_days))
GROUP BY ALL ORDER BY ALL"""

FROM_GAPS = f"""SELECT p.day, sum(g.users)
FROM points p JOIN gaps g ON g.day BETWEEN p.day - {WINDOW - 1} AND p.day AND g.gap > g.day - (p.day - {WINDOW - 1})
GROUP BY p.day ORDER BY p.day"""


class DuckDB(Peer):
    name = "duckdb"
    title = "DuckDB"
    parts = ("series", "import")

    @classmethod
    def version(cls) -> str:
        modules("duckdb")
        import duckdb

        return str(duckdb.__version__)

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        file = self.place / "series.db"
        with connect(file, self.threads) as database:
            database.execute(
                'CREATE TABLE user_days AS SELECT DISTINCT day, app, "user" FROM read_parquet($file) ORDER BY ALL',
                {"file": str(self.data.numbers)},
            )
            database.execute("CHECKPOINT")
            facts = {"disk_bytes": float(disk_bytes(self.place))}
            database.execute("CREATE TABLE points (day DATE)")
            database.executemany("INSERT INTO points VALUES (?)", [(day,) for day in self.data.points])
            started = time.perf_counter()
            database.execute(MAKE_GAPS)
            gaps_seconds = time.perf_counter() - started

            def each_point(scope: str, days: Sequence[date]) -> list[int]:
                app = self.and_app(scope)
                return [database.execute(EACH_POINT + app, {"day": day}).fetchall()[0][0] for day in days]

            def of_statement(statement: str, days: Sequence[date]) -> list[int]:
                counts = dict(database.execute(statement).fetchall())
                return [int(counts[day]) for day in days]

            yield [
                SeriesWay("`count(DISTINCT …)`, a query a point", EACH_POINT, each_point, facts=facts),
                SeriesWay(
                    "`count(DISTINCT …)`, one query",
                    ALL_POINTS,
                    lambda _, days: of_statement(ALL_POINTS, days),
                    scopes=[ALL_APPS],
                ),
                SeriesWay(
                    "a table of gaps, built beforehand",
                    f"{MAKE_GAPS};\n\n{FROM_GAPS}",
                    lambda _, days: of_statement(FROM_GAPS, days),
                    scopes=[ALL_APPS],
                    facts={"prepared_seconds": gaps_seconds},
                ),
            ]

    def imports(self) -> list[ImportWay]:
        return [
            DuckDBImport("DuckDB, file on disk", self.place / "import.db", self.threads),
            DuckDBImport("DuckDB, in memory", None, self.threads),
        ]


class DuckDBImport(ImportWay):
    shown = "CREATE TABLE user_days AS\nSELECT DISTINCT user_id, app_id, time::date AS day FROM read_parquet(FILE)"

    def __init__(self, name: str, file: Path | None, threads: int) -> None:
        self.name, self.file, self.threads = name, file, threads
        self.is_durable = file is not None
        self.database = connect(file, threads)

    def load(self, file: Path) -> None:
        read = "read_parquet" if file.suffix == ".parquet" else "read_csv"
        self.database.execute(
            f"CREATE TABLE user_days AS SELECT DISTINCT user_id, app_id, time::date AS day FROM {read}($file)",
            {"file": str(file)},
        )
        if self.is_durable:
            self.database.execute("CHECKPOINT")

    def count(self) -> int:
        return int(self.database.execute("SELECT count(*) FROM user_days").fetchall()[0][0])

    def clear(self) -> None:
        self.database.close()
        if self.file is not None:
            self.file.unlink()
        self.database = connect(self.file, self.threads)


def connect(file: Path | None, threads: int) -> duckdb.DuckDBPyConnection:
    import duckdb

    database = duckdb.connect(":memory:" if file is None else str(file))
    database.execute(f"SET threads = {threads}")
    database.execute("SET TimeZone = 'UTC'")
    return database
