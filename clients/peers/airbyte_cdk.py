"""Airbyte's development kit, with a source of ours: its slices end tomorrow, and every value is compared."""

from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from activity import FIRST_DAY, TODAY, Activity, days
from airbyte import Source
from check import equal, recorded

STREAMS = {
    "daily_active_users": "dau",
    "monthly_active_users": "mau",
    "daily_new_users": "new_users",
    "daily_sessions": "sessions",
    "daily_uninstalls": "uninstalls",
}
TOMORROW = TODAY + timedelta(days=1)


def main() -> None:
    activity = Activity()
    manifest = Path(__file__).parent / "airbyte_manifest.yaml"
    source = Source("source-declarative-manifest", "--manifest-path", str(manifest))

    equal("check", source.status(), "SUCCEEDED")
    check = next(line for line in recorded() if line.startswith("GET /campaigns/list"))
    equal("check asks", check, "GET /campaigns/list?last_edit.time%5Bgt%5D=2026-01-01 200")
    equal("check with a wrong key", source.status(api_key="wrong"), "FAILED")
    equal("discover", source.streams(), sorted(["campaigns", *STREAMS]))

    read = source.read([*STREAMS], since=str(FIRST_DAY))
    for stream, value in STREAMS.items():
        equal(f"read {stream}", read.points(stream, value), expected(activity, value, FIRST_DAY))
        equal(f"records of {stream}", read.record_count(stream), len(days(FIRST_DAY)))
    slices = [parse_qs(urlsplit(line.split()[1]).query) for line in recorded() if line.startswith("GET /kpi/dau/")]
    first_end = FIRST_DAY + timedelta(days=100)
    equal(
        "slices, in any order",
        sorted((int(asked["length"][0]), asked["ending_at"][0]) for asked in slices),
        [((TOMORROW - first_end).days, str(TOMORROW)), (100, str(first_end))],
    )

    equal("state", read.state("daily_active_users"), {"time": str(TODAY)})
    seen = TODAY - timedelta(days=7)
    activity.add([("late", TODAY - timedelta(days=5), "web"), ("late", TODAY, "web")])
    again = source.read(["daily_active_users", "monthly_active_users"], since=str(FIRST_DAY), state={"time": str(seen)})
    for stream in ["daily_active_users", "monthly_active_users"]:
        value = STREAMS[stream]
        equal(f"read {stream} from a state on", again.points(stream, value), expected(activity, value, seen))


def expected(activity: Activity, value: str, first: date) -> dict[str, int]:
    """The series from the first day to today."""
    count = {
        "dau": activity.active,
        "mau": lambda day: activity.active(day, window=30),
        "new_users": activity.new,
        "sessions": activity.active,
        "uninstalls": lambda day: 0,
    }[value]
    return {str(day): count(day) for day in days(first)}


main()
