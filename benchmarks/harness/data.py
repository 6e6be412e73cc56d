"""The made-up activity that everybody is measured with, as `dauphin bench --write` left it."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

POINTS = 100
"""Points of a series: as many as one request may ask for."""
WINDOW = 30
"""Days that count together in MAU."""
DESCRIPTION = "data.json"
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Round:
    """One day's events, as row numbers of the event files: first who is known already, then what is timed."""

    day: date
    known: range
    rows: range
    new_user_days: int


@dataclass(frozen=True)
class Data:
    """A folder with the files, and what is in them."""

    folder: Path
    users: int
    seed: int
    apps: list[str]
    first: date
    last: date
    rows: int
    body_rows: int
    rounds: list[Round]

    @staticmethod
    def read(folder: Path) -> Data:
        told = json.loads((folder / DESCRIPTION).read_text())
        rounds, start = [], 0
        for each in told["rounds"]:
            middle = start + each["known_rows"]
            end = middle + each["rows"]
            day = date.fromisoformat(each["day"])
            rounds.append(Round(day, range(start, middle), range(middle, end), each["new_user_days"]))
            start = end
        first, last = (date.fromisoformat(told[name]) for name in ("first", "last"))
        names = ("users", "seed", "apps", "rows", "body_rows")
        return Data(folder, first=first, last=last, rounds=rounds, **{name: told[name] for name in names})

    @property
    def parquet(self) -> Path:
        """Rows as an application would export them."""
        return self.folder / "rows.parquet"

    @property
    def csv(self) -> Path:
        return self.folder / "rows.csv"

    @property
    def numbers(self) -> Path:
        """The same rows with people, apps and days as numbers."""
        return self.folder / "numbers.parquet"

    @cached_property
    def points(self) -> list[date]:
        """The days that a series is asked for: the last ones."""
        return [self.last - timedelta(days=back) for back in reversed(range(POINTS))]

    def body_ranges(self, rows: range) -> list[range]:
        """Rows cut into bodies."""
        return [rows[start : start + self.body_rows] for start in range(0, len(rows), self.body_rows)]

    def event_lines(self, rows: range) -> list[bytes]:
        """Bodies of NDJSON."""
        starts = self._line_starts
        with (self.folder / "events.ndjson").open("rb") as file:
            text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return [text[starts[body.start] : starts[body.stop]] for body in self.body_ranges(rows)]

    @cached_property
    def _line_starts(self) -> np.ndarray:
        import numpy as np

        text = np.memmap(self.folder / "events.ndjson", mode="r", dtype=np.uint8)
        ends = [start + np.flatnonzero(text[start : start + (1 << 24)] == 10) for start in range(0, len(text), 1 << 24)]
        return np.concatenate([np.zeros(1, np.int64), np.concatenate(ends) + 1])

    def event_numbers(self, rows: range) -> list[tuple[list[int], list[int]]]:
        """People and apps of the same bodies."""
        users, apps = self._event_columns
        bodies = self.body_ranges(rows)
        return [(users[body.start : body.stop].tolist(), apps[body.start : body.stop].tolist()) for body in bodies]

    @cached_property
    def _event_columns(self) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(self.folder / "events.parquet", columns=["user", "app"])
        return table["user"].to_numpy(), table["app"].to_numpy()

    def active(self) -> Iterator[tuple[date, int, np.ndarray]]:
        """Who was active on a day in an app, by number; a day comes several times, and people repeat."""
        import numpy as np
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(self.numbers)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            users = table["user"].to_numpy()
            keys = table["day"].cast("int32").to_numpy() * len(self.apps) + table["app"].to_numpy()
            order = np.argsort(keys, kind="stable")
            keys, users = keys[order], users[order]
            starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
            for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
                day, app = divmod(int(keys[start]), len(self.apps))
                yield EPOCH + timedelta(days=day), app, users[start:end]
