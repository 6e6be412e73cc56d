"""CRoaring: a compressed bitmap of people for each day and scope, united at each question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

from harness.data import WINDOW, Data
from harness.peer import ALL_APPS, Peer, SeriesWay, modules

if TYPE_CHECKING:
    from pyroaring import BitMap

SHOWN = "len(BitMap.union(*(daily[scope, day - timedelta(back)] for back in range(30))))   # for each point"


class CRoaring(Peer):
    name = "croaring"
    title = "CRoaring"
    parts = ("series", "growth")

    @classmethod
    def version(cls) -> str:
        modules("pyroaring")
        import pyroaring

        return f"{pyroaring.__croaring_version__}, pyroaring {pyroaring.__version__}"

    @contextmanager
    def series(self) -> Iterator[list[SeriesWay]]:
        from pyroaring import BitMap

        daily = daily_bitmaps(self.data)

        def answer(scope: str, days: Sequence[date]) -> list[int]:
            windows = ([daily[scope, day - timedelta(days=back)] for back in range(WINDOW)] for day in days)
            return [len(BitMap.union(*window)) for window in windows]

        facts = {"resident_bytes": float(sum(len(bitmap.serialize()) for bitmap in daily.values()))}
        yield [SeriesWay("daily bitmaps, united", SHOWN, answer, facts=facts)]


def daily_bitmaps(data: Data) -> dict[tuple[str, date], BitMap]:
    """Who was active, by scope and day."""
    from pyroaring import BitMap

    days = [data.first + timedelta(days=number) for number in range((data.last - data.first).days + 1)]
    daily = {(scope, day): BitMap() for scope in [ALL_APPS, *data.apps] for day in days}
    for day, app, users in data.active():
        some = BitMap(users)
        daily[data.apps[app], day] |= some
        daily[ALL_APPS, day] |= some
    for bitmap in daily.values():
        bitmap.run_optimize()
    return daily
