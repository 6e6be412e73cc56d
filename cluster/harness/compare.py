"""What the nodes answer, beside what the oracle counts."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta

from harness.client import Answer, Unanswered, Workspace, get
from harness.family import EPOCH
from harness.oracle import App, Oracle, Series

METRICS: dict[str, tuple[str, dict[str, str | int], str]] = {
    "dau": ("/kpi/dau/data_series", {}, "dau"),
    "wau": ("/kpi/active_users/data_series", {"window": 7}, "active_users"),
    "mau": ("/kpi/mau/data_series", {}, "mau"),
    "new_users": ("/kpi/new_users/data_series", {}, "new_users"),
}
"""How each series is asked for, and under which name its points are."""

LAG_HEADER = "x-dauphin-lag"
NO_LAG = "0; seconds=0"
NO_LAG_SECONDS = 3.0
"""A node knows of what others took in once it has asked the brokers again."""
CAUGHT_UP_SECONDS_MAX = 240.0
LONG_SECONDS = 20.0
"""After which it is told which node is behind."""
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Mismatch:
    """A series that is not what the oracle counts."""

    node: str
    scope: App
    metric: str
    difference: str

    def __str__(self) -> str:
        return f"{self.node}, {self.scope or 'all apps'}, {self.metric}: {self.difference}"


def mismatches(nodes: dict[str, str], workspace: Workspace, oracle: Oracle, days: range) -> list[Mismatch]:
    """Of every node (name and address), every scope, every metric, every day."""
    return list(_mismatches(nodes, workspace, oracle, days))


def _mismatches(nodes: dict[str, str], workspace: Workspace, oracle: Oracle, days: range) -> Iterator[Mismatch]:
    for scope in (None, *workspace.apps):
        want = oracle.series(scope, days.start, len(days))
        for node, url in nodes.items():
            got = series(url, workspace, scope, days)
            for metric in (each.name for each in fields(Series)):
                wanted, answered = getattr(want, metric), getattr(got, metric)
                if wanted != answered:
                    yield Mismatch(node, scope, metric, difference(answered, wanted, days))


def difference(got: Sequence[int], want: Sequence[int], days: range) -> str:
    """The first day on which two series differ, and on how many they do."""
    differing = [index for index in range(len(days)) if got[index] != want[index]]
    index = differing[0]
    date = (EPOCH + timedelta(days=days[index])).date()
    return f"{date}: got {got[index]}, want {want[index]}; {len(differing)} of {len(days)} days differ"


def series(url: str, workspace: Workspace, scope: App, days: range) -> Series:
    """What a node answers."""
    points = {}
    for metric, (path, extra, name) in METRICS.items():
        answer = ask(url, workspace, path, scope, days, extra)
        points[metric] = [point[name] for point in answer.body["data"]]
    return Series(**points)


def ask(
    url: str, workspace: Workspace, path: str, scope: App, days: range, extra: dict[str, str | int] | None = None
) -> Answer:
    """One series of a node that must answer it."""
    ending_at = (EPOCH + timedelta(days=days.stop)).date().isoformat()
    query: dict[str, str | int] = {"length": len(days), "ending_at": ending_at, **(extra or {})}
    answer = get(url, workspace, path, query | ({"app_id": scope} if scope else {}))
    if answer.status != 200:
        raise RuntimeError(f"{url}{path} {query}: {answer.status} {answer.body}")
    return answer


def lag(url: str, workspace: Workspace, days: range) -> str:
    """How far a node is behind, in its own words: `12; seconds=1.25`. A node that is alone never is."""
    try:
        return ask(url, workspace, "/kpi/dau/data_series", None, days).headers.get(LAG_HEADER, NO_LAG)
    except (Unanswered, RuntimeError) as error:
        return str(error)


def wait_for_no_lag(nodes: dict[str, str], workspace: Workspace, days: range) -> float:
    """Until no node has lagged behind for a while; how long it took until then."""
    started = since = time.monotonic()
    is_long = False
    while (now := time.monotonic()) - since < NO_LAG_SECONDS:
        lags = {node: lag(url, workspace, days) for node, url in nodes.items()}
        if any(said != NO_LAG for said in lags.values()):
            since = time.monotonic()
        if now - started > CAUGHT_UP_SECONDS_MAX:
            raise RuntimeError(f"nodes still lag behind after {CAUGHT_UP_SECONDS_MAX} s: {lags}")
        if now - started > LONG_SECONDS and not is_long:
            is_long = True
            print(f"nodes still lag behind after {LONG_SECONDS} s: {lags}", flush=True)
        time.sleep(POLL_SECONDS)
    return since - started
