"""Values for the formats that the OpenAPI names and JSON Schema does not know.

A text that only looks like a time may name a day that no calendar has; these exist.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone

import schemathesis
from hypothesis import strategies as st

APPS = os.environ["CONTRACT_APP_IDS"].split(",")
USERS = ["ada", "bob", "cleo"]

# From the first instant that activity may have to the present, less two days, whatever the offset says.
FIRST = datetime(1970, 1, 3)
LAST = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=2)

FORMS = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dt%H:%M:%Sz",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S-05:00",
    "%Y-%m-%dT%H:%M:%S-5:00",
    "%Y-%m-%d %H:%M:%S +0100",
    "%Y%m%dT%H%M%SZ",
]


def instants() -> st.SearchStrategy[str]:
    return st.builds(datetime.strftime, st.datetimes(FIRST, LAST), st.sampled_from(FORMS))


def rows() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {"user_id": st.sampled_from(USERS), "time": instants(), "app_id": st.sampled_from(APPS)}
    )


def ndjson(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def csv(rows: list[dict[str, str]]) -> str:
    lines = ["user_id,time,app_id", *(",".join(row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


schemathesis.openapi.format("instant", instants())
schemathesis.openapi.format("app-identifier", st.sampled_from(APPS))
schemathesis.openapi.format("write-key", st.just(os.environ["CONTRACT_WRITE_KEY"]))
schemathesis.openapi.format("time-zone", st.sampled_from(["UTC", "Europe/Paris", "America/Chicago"]))
schemathesis.openapi.format("permission", st.sampled_from(["*", "kpi.dau.data_series", "users.track"]))
schemathesis.openapi.format("subnet", st.sampled_from(["127.0.0.1", "192.0.2.0/24", "2001:db8::/32"]))
schemathesis.openapi.format("column", st.just("user_id=user_id"))
schemathesis.openapi.format("ndjson", st.lists(rows(), min_size=1, max_size=20).map(ndjson))
schemathesis.openapi.format("csv", st.lists(rows(), min_size=1, max_size=20).map(csv))


@schemathesis.serializer("application/x-ndjson", "text/csv", "text/plain")
def as_text(ctx: schemathesis.SerializationContext, value: object) -> bytes:
    """A body that is text is sent as it is; what is none is written as JSON, for the server to refuse."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")


# Who tests with a key that they revoke, or with no requests left, tests nothing more.
SPARED_KEYS = 2
LIMIT_PER_HOUR_MIN = 1_000_000


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, object]) -> None:
    """Keeps apart what is refused together although each is right by itself, and keeps the administration from taking
    away what the run goes on with."""
    path, body, query = case.operation.path, case.body, case.query
    if query and query.get("mode") == "frozen" and (query.get("as_of") or query.get("explain") in ("true", "1")):
        del query["mode"]
    if not isinstance(body, dict):
        return
    if path == "/admin/workspace":
        for name in ("rate_limit_per_hour", "ingest_limit_per_hour"):
            if isinstance(body.get(name), int):
                body[name] = max(body[name], LIMIT_PER_HOUR_MIN)
    if path == "/admin/keys/revoke" and isinstance(body.get("number"), int):
        body["number"] = max(body["number"], SPARED_KEYS)
    if path == "/admin/apps/rotate" and body.get("app_id") == APPS[0]:
        body["app_id"] = APPS[1]
