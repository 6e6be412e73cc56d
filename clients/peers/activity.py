"""Made-up activity for clients that only read, and what it comes to, counted naively."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

from check import ingest

DAYS_BACK = 149
"""More than the 100 points that one request may ask for."""

TODAY = datetime.now(timezone.utc).date()
FIRST_DAY = TODAY - timedelta(days=DAYS_BACK)


class Activity:
    """Who was active on which days, in which app; and the server is told of each."""

    def __init__(self) -> None:
        self.days: dict[str, dict[date, str]] = {}
        rows = [
            (f"user-{step}", back, "web" if back % 2 else "ios")
            for step in range(1, 9)
            for back in range(17 * step, -1, -step)
        ]
        self.add((user, TODAY - timedelta(days=back), app) for user, back, app in rows)

    def add(self, rows: Iterable[tuple[str, date, str]]) -> None:
        """Each row is an active day of a user in an app, and one session."""
        told = []
        for user, day, app in rows:
            self.days.setdefault(user, {})[day] = app
            told.append({"user_id": user, "time": f"{day}T12:00:00Z", "app_id": app, "session_id": f"{user} {day}"})
        ingest(told)

    def active(self, last: date, window: int = 1, app: str | None = None) -> int:
        """Users active on one of the `window` days that end with `last`."""
        first = last - timedelta(days=window - 1)
        return sum(
            any(first <= day <= last and app in (None, in_app) for day, in_app in of_user.items())
            for of_user in self.days.values()
        )

    def new(self, day: date) -> int:
        """Users whose first day it is."""
        return sum(min(of_user) == day for of_user in self.days.values())


def days(first: date, last: date = TODAY) -> list[date]:
    """From the first to the last, both included."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
