"""The client of PyPI that sends every array, empty ones too, and its key in the header or, as once, in the body."""

from braze.client import BrazeClient, BrazeClientError
from check import API_KEY, STAND, equal, recorded, series

DAYS = {"length": 2, "ending_at": "2026-03-03"}
DONE = {"errors": [], "message": "success", "status_code": 201, "success": True}


def main() -> None:
    track(BrazeClient(API_KEY, STAND["url"]))
    key_in_body(BrazeClient(API_KEY, STAND["url"], use_auth_header=False))
    lost_answer(BrazeClient(API_KEY, STAND["forgetful_url"]))
    delete(BrazeClient(API_KEY, STAND["url"]))
    refused()


def track(client: BrazeClient) -> None:
    """Events and purchases count, in their app and over all; attributes do not."""
    answer = client.user_track(
        attributes=[{"external_id": "cleo", "first_name": "C"}],
        events=[
            {"external_id": "ada", "app_id": "web", "name": "open", "time": "2026-03-01T10:00:00Z"},
            {"external_id": "ada", "app_id": "ios", "name": "open", "time": "2026-03-01T23:59:59+00:00"},
            {"external_id": "bob", "app_id": "web", "name": "open", "time": "2026-03-02T00:00:00Z"},
        ],
        purchases=[
            {
                "external_id": "ada",
                "app_id": "web",
                "product_id": "p",
                "currency": "EUR",
                "price": 1.5,
                "time": "2026-03-02T12:00:00Z",
            }
        ],
    )
    processed = {"attributes_processed": 1, "events_processed": 3, "purchases_processed": 1}
    equal("user_track", answer, {**DONE, **processed})
    equal("dau", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 2})
    equal("dau of ios", series("kpi/dau", app_id="ios", **DAYS), {"2026-03-01": 1, "2026-03-02": 0})
    equal("new_users", series("kpi/new_users", **DAYS), {"2026-03-01": 1, "2026-03-02": 1})


def key_in_body(client: BrazeClient) -> None:
    """An object in place of an array is one element."""
    answer = client.user_track(events={"external_id": "dan", "name": "open", "time": "2026-03-01T10:00:00Z"})
    processed = {"attributes_processed": 0, "events_processed": 1, "purchases_processed": 0}
    equal("user_track with the key in the body", answer, {**DONE, **processed})
    equal("dau after it", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 2})


def lost_answer(client: BrazeClient) -> None:
    """The client sends again what it had no answer to."""
    client.user_track(events=[{"external_id": "eve", "name": "open", "time": "2026-03-02T10:00:00Z"}])
    equal("requests", recorded(), ["POST /users/track lost", "POST /users/track 201"])
    equal("dau after a retry", series("kpi/dau", **DAYS), {"2026-03-01": 2, "2026-03-02": 3})


def delete(client: BrazeClient) -> None:
    """The deleted are gone from every day."""
    equal("user_delete", client.user_delete(["ada", "nobody"]), {**DONE, "deleted": 2})
    equal("dau after user_delete", series("kpi/dau", **DAYS), {"2026-03-01": 1, "2026-03-02": 2})
    equal("mau after user_delete", series("kpi/mau", **DAYS), {"2026-03-01": 1, "2026-03-02": 3})


def refused() -> None:
    """What is refused is an error of the client, in this server's words."""
    try:
        BrazeClient("wrong", STAND["url"]).user_track(events=[{"external_id": "ada"}])
    except BrazeClientError as error:
        equal("a wrong key", error.args[0], "Invalid API key")
    else:
        equal("a wrong key", "accepted", "refused")


main()
