"""Airbyte's connector for Braze as it was published: its slices end today, so its records end yesterday."""

from datetime import timedelta

from activity import FIRST_DAY, TODAY, Activity, days
from airbyte import Source
from check import equal

STREAMS = {
    "kpi_daily_active_users": "dau",
    "kpi_daily_new_users": "new_users",
    "kpi_daily_app_uninstalls": "uninstalls",
}
YESTERDAY = TODAY - timedelta(days=1)


def main() -> None:
    activity = Activity()
    source = Source("source-braze")

    equal("check", source.status(), "SUCCEEDED")
    equal("check with a wrong key", source.status(api_key="wrong"), "FAILED")
    equal("discover has the streams", set(STREAMS) - set(source.streams()), set())

    count = {"dau": activity.active, "new_users": activity.new, "uninstalls": lambda day: 0}
    read = source.read([*STREAMS], since=str(FIRST_DAY))
    for stream, value in STREAMS.items():
        want = {str(day): count[value](day) for day in days(FIRST_DAY, YESTERDAY)}
        equal(f"read {stream}", read.points(stream, value), want)
        equal(f"records of {stream}", read.record_count(stream), len(want))

    activity.add([("late", TODAY - timedelta(days=3), "web")])
    seen = TODAY - timedelta(days=7)
    again = source.read(["kpi_daily_active_users"], since=str(FIRST_DAY), state={"time": str(seen)})
    want = {str(day): activity.active(day) for day in days(seen, YESTERDAY)}
    equal("read from a state on", again.points("kpi_daily_active_users", "dau"), want)


main()
