"""The client of PyPI that Open edX uses: tracks by alias, then identifies, with numbers as external ids."""

from typing import Any

from braze.client import BrazeClient
from braze.exceptions import BrazeBadRequestError, BrazeClientError, BrazeNotFoundError, BrazeUnauthorizedError
from check import API_KEY, STAND, equal, series

DAYS = {"length": 2, "ending_at": "2026-03-03"}
LABEL = "learner"


def main() -> None:
    client = BrazeClient(API_KEY, STAND["url"], "web")

    client.track_user(events=[event(1, alias("a@example.com")), event(1, {"external_id": "7"}), event(2, alias("b"))])
    equal("dau", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 1})
    equal("mau", series("kpi/mau", **DAYS), {"2026-03-01": 2, "2026-03-02": 3})

    # A number is the same user as its text, and the alias turns out to be theirs.
    identified = client.identify_users([{"external_id": 7, **alias("a@example.com")}])
    equal("identify_users", identified, {"aliases_processed": 1, "message": "success"})
    equal("dau after it", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})
    equal("mau after it", series("kpi/mau", **DAYS), {"2026-03-01": 1, "2026-03-02": 2})

    recipients = client.create_recipients(LABEL, {"b": 7})
    equal("create_recipients", recipients["b"]["external_user_id"], 7)
    equal("mau after it", series("kpi/mau", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})
    client.track_user(events=[event(2, alias("a@example.com")), event(2, alias("b"))])
    equal("dau of aliases of one person", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})

    # More than one request's worth is sent in several.
    client.track_user(events=[event(1, {"external_id": f"many-{number}"}) for number in range(160)])
    equal("dau after 160 events", series("kpi/dau", **DAYS), {"2026-03-01": 161, "2026-03-02": 1})

    equal("none good", raised(client, events=[{"external_id": "7"}]), BrazeBadRequestError)
    wrong = BrazeClient("wrong", STAND["url"], "web")
    equal("a wrong key", raised(wrong, events=[event(1, {"external_id": "7"})]), BrazeUnauthorizedError)
    # It asks for the profile first, and no profile is stored here to be exported.
    try:
        client.create_braze_alias(["c"], LABEL)
    except BrazeNotFoundError as error:
        equal("create_braze_alias", "message" in str(error), True)
    else:
        equal("create_braze_alias", "found", BrazeNotFoundError)


def alias(name: str) -> dict[str, Any]:
    return {"user_alias": {"alias_name": name, "alias_label": LABEL}}


def event(day: int, who: dict[str, Any]) -> dict[str, Any]:
    return {**who, "app_id": "web", "name": "open", "time": f"2026-03-0{day}T10:00:00Z"}


def raised(client: BrazeClient, events: list[dict[str, Any]]) -> type[BrazeClientError] | None:
    """Which of its errors the client makes of the answer."""
    try:
        client.track_user(events=events)
    except BrazeClientError as error:
        return type(error)
    return None


main()
