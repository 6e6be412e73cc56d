"""What a peer is: something that counts active users in its own way. Each part of the benchmark asks a thing of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from harness.data import Data

ALL_APPS = "all"
"""The scope in which a person counts once, whichever apps they use. The other scopes are the apps."""


class Skipped(Exception):
    """Why something cannot be measured here."""


@dataclass
class SeriesWay:
    """One way to answer how many people were active in the 30 days up to each of some days."""

    name: str
    shown: str
    """What is run, for the page."""
    answer: Callable[[str, Sequence[date]], list[int]]
    """Takes a scope and days."""
    timed: Callable[[], object] | None = None
    """The same for all apps and all points, without what only a client in Python would add."""
    is_exact: bool = True
    points_max: int | None = None
    """Only so many points are asked for, where all would take too long; the time is scaled."""
    scopes: Sequence[str] | None = None
    """Only these are asked for."""
    facts: dict[str, float] = field(default_factory=dict)
    """Other things worth telling, by name."""


class ImportWay(ABC):
    """One way to make a file of rows something whose distinct (user, app, day) can be asked for."""

    name: str
    shown: str
    is_durable: bool

    @abstractmethod
    def load(self, file: Path) -> None:
        """Reads a `.parquet` or `.csv` file. This is what is timed."""

    @abstractmethod
    def count(self) -> int:
        """How many distinct (user, app, day) there are now."""

    @abstractmethod
    def clear(self) -> None:
        """Forgets what was loaded."""


class IngestWay(ABC):
    """One way to take events that arrive in bodies over several connections, each answered when it is durable."""

    name: str
    shown: str

    @abstractmethod
    def bodies(self, day: date, rows: range) -> list[Any]:
        """Events in the form in which they are sent, made before the clock starts."""

    @abstractmethod
    def connect(self) -> Callable[[Any], None]:
        """A connection: called with a body it sends it, and returns when it is durable."""

    @abstractmethod
    def count(self, day: date) -> int:
        """How many people were active on a day."""

    def settle(self) -> None:  # noqa: B027
        """Writes what has been put off until later. Most have put off nothing."""


class Peer(ABC):
    """One program or library. `data` is what it is measured with, `place` an empty folder of its own."""

    name: ClassVar[str]
    title: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    """In which parts of the benchmark it takes part."""

    def __init__(self, data: Data, place: Path, threads: int) -> None:
        self.data, self.place, self.threads = data, place, threads

    @classmethod
    def packages(cls) -> Iterator[str]:
        """Debian's packages with what it needs; each is installed, if it has to be, before the next is asked for."""
        return iter(())

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Which version is measured; `Skipped` where there is none."""

    def and_app(self, scope: str) -> str:
        """What a condition in SQL needs besides, so that it asks for the scope."""
        return "" if scope == ALL_APPS else f" AND app = {self.data.apps.index(scope)}"

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        """Loads the history; its ways can be asked until the context ends."""
        raise NotImplementedError
        yield

    def imports(self) -> list[ImportWay]:
        raise NotImplementedError

    @contextmanager
    def ingests(self) -> Iterator[list[IngestWay]]:
        raise NotImplementedError
        yield

    def facts(self) -> dict[str, float]:
        """The part `start`: memory and time to be ready."""
        raise NotImplementedError

    def report(self, is_quick: bool) -> dict[str, Any]:
        """The part `own`: what its own benchmark finds."""
        raise NotImplementedError


def modules(*names: str) -> None:
    """`Skipped` unless these can be imported. All peers read the made-up activity with pyarrow."""
    for name in (*names, "numpy", "pyarrow"):
        if find_spec(name) is None:
            raise Skipped(f"the Python package {name} is not installed")
