"""Segment's library for Python: queues, sends batches, plain and gzip, and sends again what was not answered."""

from datetime import datetime, timezone

from check import STAND, equal, recorded, series
from segment.analytics.client import Client

WRITE_KEYS = {app["app_id"]: app["write_key"] for app in STAND["apps"]}
DAYS = {"length": 2, "ending_at": "2026-03-03"}
FIRST = datetime(2026, 3, 1, 10, tzinfo=timezone.utc)
SECOND = datetime(2026, 3, 2, 10, tzinfo=timezone.utc)

errors: list[str] = []


def main() -> None:
    anonymous_then_known()
    every_call()
    aliased()
    lost_answer()
    refused()


def client(app: str, url: str = STAND["url"], gzip: bool = False) -> Client:
    """Sends until `shutdown`, which waits for the last answer."""
    return Client(WRITE_KEYS[app], host=url, gzip=gzip, on_error=lambda error, _: errors.append(str(error)))


def anonymous_then_known() -> None:
    """Who was seen without a name is one person with who they turn out to be."""
    web = client("web")
    web.page(anonymous_id="device-1", name="home", timestamp=FIRST)
    web.track(anonymous_id="device-1", event="look", timestamp=FIRST)
    web.track(user_id="ada", event="look", timestamp=FIRST)
    web.flush()
    equal("dau while anonymous", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 0})
    web.identify(user_id="ada", anonymous_id="device-1", timestamp=SECOND)
    web.track(user_id="ada", event="look", timestamp=SECOND)
    web.shutdown()
    equal("dau once known", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})
    equal("mau once known", series("kpi/mau", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})
    equal("new_users once known", series("kpi/new_users", **DAYS), {"2026-03-01": 1, "2026-03-02": 0})


def every_call() -> None:
    """What somebody did or saw makes active, in the app of the write key; who they are and belong to does not."""
    ios = client("ios", gzip=True)
    ios.track("tina", "look", timestamp=SECOND)
    ios.page("pia", name="home", timestamp=SECOND)
    ios.screen("susi", name="home", timestamp=SECOND)
    ios.group("gus", "team", timestamp=SECOND)
    ios.identify("ina", {"plan": "free"}, timestamp=SECOND)
    ios.shutdown()
    equal("dau of ios", series("kpi/dau", app_id="ios", **DAYS), {"2026-03-01": 0, "2026-03-02": 3})
    equal("dau of both", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 4})


def aliased() -> None:
    """Two names of one person."""
    web = client("web")
    web.alias("tina", "ada", timestamp=SECOND)
    web.shutdown()
    equal("dau after alias", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 3})


def lost_answer() -> None:
    """The same batch comes twice and counts once."""
    web = client("web", STAND["forgetful_url"])
    web.track("rita", "look", timestamp=FIRST, context={"sessionId": "r-1"})
    web.shutdown()
    equal("requests", recorded(), ["POST /v1/batch lost", "POST /v1/batch 200"])
    equal("dau after a retry", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 3})
    equal("sessions after a retry", series("sessions", **DAYS), {"2026-03-01": 1, "2026-03-02": 0})
    equal("errors", errors, [])


def refused() -> None:
    """A wrong write key is an error that the caller is told, and nothing is counted."""
    wrong = Client("wrong", host=STAND["url"], on_error=lambda error, _: errors.append(str(error.status)))
    wrong.track("nobody", "look", timestamp=FIRST)
    wrong.shutdown()
    equal("errors with a wrong key", errors, ["401"])
    equal("dau with a wrong key", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 3})


main()
