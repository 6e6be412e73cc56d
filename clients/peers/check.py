"""What a script needs: where things are, the server's series, and a way to compare."""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

STAND: dict[str, Any] = json.loads(os.environ["DAUPHIN_STAND"])
"""The output of `dauphin init`, and `url`, `forgetful_url`, `record`, `scratch`, `bin`."""

API_KEY: str = STAND["api_key"]

SHOWN_MAX = 400


def equal(what: str, got: object, want: object) -> None:
    """One check: says what was compared, and what differs."""
    if got == want:
        print(f"ok {what}", flush=True)
        return
    if isinstance(got, dict) and isinstance(want, dict):
        # Of a long series, only the points that differ.
        differ = {key for key in got.keys() | want.keys() if got.get(key) != want.get(key)}
        got = {key: got[key] for key in sorted(differ & got.keys())}
        want = {key: want[key] for key in sorted(differ & want.keys())}
    print(f"not ok {what}: got {_short(got)}, want {_short(want)}", flush=True)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def series(path: str, **parameters: object) -> dict[str, int]:
    """`series("kpi/dau", length=2)` is `{"2026-03-01": 1, "2026-03-02": 2}`."""
    request = urllib.request.Request(
        f"{STAND['url']}/{path}/data_series?{urlencode(parameters)}", headers={"Authorization": f"Bearer {API_KEY}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        points = json.load(answer)["data"]
    return {point["time"]: point[path.rpartition("/")[2]] for point in points}


def ingest(rows: list[dict[str, str]]) -> None:
    """Feeds the server without the client under test."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/x-ndjson"}
    with urllib.request.urlopen(urllib.request.Request(f"{STAND['url']}/ingest", body, headers), timeout=10) as answer:
        answer.read()


def recorded() -> list[str]:
    """What went through the forgetful address, as `POST /path 200` or `POST /path lost`."""
    return Path(STAND["record"]).read_text().splitlines()
