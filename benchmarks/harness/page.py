"""The page: what was measured, put into `page.md` where that says so."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from harness import chart
from harness.agree import Agreement, errors
from harness.chart import Bar, Scale
from harness.install import BENCHMARKS

OWN = "dauphin"
Result = dict[str, Any]


def write(file: Path, results: list[Result], agreements: list[Agreement], machine: dict[str, str]) -> None:
    """Writes the page, and the charts into a folder beside it that has its name."""
    made = Page(file.with_suffix(""), results, agreements, machine)
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: getattr(made, found[1])(), (BENCHMARKS / "page.md").read_text())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(re.sub(r"\n{3,}", "\n\n", text))


class Page:
    """One method for each name that `page.md` puts in braces."""

    def __init__(
        self, charts: Path, results: list[Result], agreements: list[Agreement], machine: dict[str, str]
    ) -> None:
        self.charts, self.results, self.agreements, self.about = charts, results, agreements, machine

    def summary(self) -> str:
        """Dauphin beside the best of those who do the same: exactly, and durably where it matters."""
        rows = [
            self._beside("100 points of MAU", "series", lambda way: way["seconds"]["median"], duration, min),
            self._beside("Parquet rows a second", "import", lambda way: import_rate(way, "parquet"), millions, max),
            self._beside("CSV rows a second", "import", lambda way: import_rate(way, "csv"), millions, max),
            self._beside("durable events a second", "ingest", ingest_rate, millions, max),
            self._beside("bytes written a user-day", "ingest", written_a_user_day, plain, min),
        ]
        return table(["", "Dauphin", "best of the others", "which", "ratio"], [row for row in rows if row])

    def _beside(
        self,
        what: str,
        part: str,
        of: Callable[[Result], float | None],
        shown: Callable[[float], str],
        best: Callable[..., tuple[float, str]],
    ) -> list[str]:
        own: list[tuple[float, str]] = []
        others: list[tuple[float, str]] = []
        for result, way in self._ways(part):
            value = of(way) if way.get("is_exact", True) and way.get("is_durable", True) else None
            if value is not None:
                (own if result["peer"] == OWN else others).append((value, titled(result, way)))
        if not own or not others:
            return []
        (value, _), (other, which) = best(own), best(others)
        return [what, shown(value), shown(other), which, times(other / value if best is min else value / other)]

    def machine(self) -> str:
        rows = [[name, value] for name, value in self.about.items()]
        dates = sorted({result["at"] for result in self.results if "at" in result})
        if dates:
            rows.append(["measured (UTC)", f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else dates[0]])
        loads = [result["load_before"] for result in self.results if "load_before" in result]
        if loads:
            rows.append(["load average before a measurement", f"{min(loads):.1f} to {max(loads):.1f}"])
        return table(["", ""], rows)

    def versions(self) -> str:
        found = {result["title"]: result["version"] for result in self.results if "version" in result}
        return table(["peer", "version"], [[title, version] for title, version in found.items()])

    def data(self) -> str:
        measured = next((result for result in self.results if "users" in result and result["part"] != "growth"), None)
        return f"{measured['users']:,} people, {measured['rows']:,} rows" if measured else "nothing measured"

    def agreement(self) -> str:
        lines = []
        for each in self.agreements:
            if each.differences:
                lines.append(f"- **{each.part}: they do not agree**: {'; '.join(each.differences[:3])}")
            elif each.numbers:
                lines.append(f"- {each.part}: {len(each.ways)} exact ways, {each.numbers} numbers compared, all equal")
        return "\n".join(lines)

    def skipped(self) -> str:
        lines = [
            f"- {outcome}: {result['part']}, {result['title']}: {result[outcome]}"
            for result in self.results
            for outcome in ("skipped", "failed")
            if outcome in result
        ]
        return "\n".join(["Not measured in this run:", "", *lines]) if lines else ""

    def series(self) -> str:
        ways = self._ways("series")
        if not ways:
            return "Not measured."
        own = own_median(ways)
        exact: dict[str, int] = next(
            (way["counts"]["all"] for result, way in ways if way["is_exact"] and way["points"] == 100), {}
        )
        rows, bars = [], []
        for result, way in sorted(ways, key=lambda pair: pair[1]["seconds"]["median"]):
            seconds = way["seconds"]
            scaled = "" if way["points"] == 100 else f" (× {100 // way['points']} from {way['points']} points)"
            worst = max(errors(way, exact), default=0.0)
            rows.append([
                titled(result, way),
                "exact" if way["is_exact"] else f"up to {worst:.1%} wrong",
                duration(seconds["median"]) + scaled,
                f"{duration(seconds['min'])} – {duration(seconds['max'])}",
                f"{seconds['runs']:,}",
                duration(way["processor_seconds"]),
                times(seconds["median"] / own) if own and result["peer"] != OWN else "",
                duration(way["facts"]["prepared_seconds"]) if "prepared_seconds" in way["facts"] else "",
            ])  # fmt: skip
            note = "" if way["is_exact"] else " (estimate)"
            bars.append(Bar(titled(result, way, code=False), seconds["median"], result["peer"] == OWN, note))
        chart.bars(
            self.charts / "series.svg",
            "100 points of MAU over all apps: time for one series",
            bars,
            duration,
            Scale.of_powers,
        )
        head = [
            "way", "counts", "100 points", "fastest – slowest", "runs", "processor time", "times Dauphin's",
            "built beforehand in",
        ]  # fmt: skip
        image = self._image("series", "Time for one series, logarithmic")
        return f"{image}\n\n{table(head, rows)}{self._own_latency(ways)}"

    def _own_latency(self, ways: list[tuple[Result, Result]]) -> str:
        own = [way["seconds"] for result, way in ways if result["peer"] == OWN]
        if not own:
            return ""
        seconds = own[0]
        return (
            f"\n\nDauphin's time is a request over HTTP on a connection that is kept open, "
            f"seen from a client in Python: median {duration(seconds['median'])}, "
            f"99th percentile {duration(seconds['p99'])}, over {seconds['runs']:,} requests one after another."
        )

    def scopes(self) -> str:
        rows: list[list[str]] = []
        scopes: list[str] = []
        for result, way in self._ways("series"):
            scopes = scopes or list(way["seconds_of_scope"])
            if len(way["seconds_of_scope"]) == len(scopes):
                rows.append([titled(result, way), *(duration(way["seconds_of_scope"][scope]) for scope in scopes)])
        return table(["way, one run of 100 points", *scopes], rows)

    def growth(self) -> str:
        small = {(result["peer"], way["name"]): way for result, way in self._ways("series")}
        rows, bars = [], []
        for result, way in self._ways("growth"):
            before = small.get((result["peer"], way["name"]))
            if before is None:
                continue
            few, many = before["seconds"]["median"], way["seconds"]["median"]
            few_users = next(each["users"] for each in self.results if each["part"] == "series" and "users" in each)
            rows.append([titled(result, way), duration(few), duration(many), f"× {many / few:.2f}"])
            for users, value in [(few_users, few), (result["users"], many)]:
                label = f"{titled(result, way, code=False)}, {millions(users)}"
                bars.append(Bar(label, value, result["peer"] == OWN))
        if not rows:
            return "Not measured in this run."
        grown = next(result for result in self.results if result["part"] == "growth" and "users" in result)
        chart.bars(self.charts / "growth.svg", "The same series with more people", bars, duration, Scale.of_powers)
        head = ["way", f"{millions(few_users)} people", f"{millions(grown['users'])} people", "slower by"]
        return f"{self._image('growth', 'Time for one series by people, logarithmic')}\n\n{table(head, rows)}"

    def imports(self) -> str:
        ways = self._ways("import")
        if not ways:
            return "Not measured."
        parts = []
        for file, name in [("parquet", "Parquet"), ("csv", "CSV")]:
            of_file = [pair for pair in ways if pair[1]["file"] == file]
            rate = lambda way, seconds: way["rows"] / seconds / 1e6  # noqa: E731
            own = next((rate(way, way["seconds"]["median"]) for result, way in of_file if result["peer"] == OWN), None)
            rows, bars = [], []
            for result, way in of_file:
                seconds = way["seconds"]
                middle = rate(way, seconds["median"])
                rows.append([
                    way["name"],
                    "yes" if way["is_durable"] else "no",
                    f"{middle:.2f}",
                    f"{rate(way, seconds['max']):.2f} – {rate(way, seconds['min']):.2f}",
                    str(seconds["runs"]),
                    duration(way["processor_seconds"] / way["rows"]),
                    times(own / middle) if own and result["peer"] != OWN else "",
                ])  # fmt: skip
                bars.append(Bar(way["name"].replace("`", ""), middle, result["peer"] == OWN))
            title = f"{name} file to distinct user-days, million rows a second"
            chart.bars(self.charts / f"import-{file}.svg", title, bars, plain)
            head = [
                f"from {name}",
                "on disk",
                "M rows/s",
                "slowest – fastest",
                "runs",
                "processor time a row",
                "Dauphin / this",
            ]
            parts += [self._image(f"import-{file}", title), table(head, rows)]
        return "\n\n".join(parts)

    def ingest(self) -> str:
        ways = self._ways("ingest")
        if not ways:
            return "Not measured."
        rows, bars, write_bars = [], [], []
        for result, way in ways:
            rates = sorted(way["events"] / each["seconds"] / 1e6 for each in way["rounds"])
            middle = ingest_rate(way) / 1e6
            latency = sorted(way["rounds"], key=lambda each: each["seconds"])[len(rates) // 2]["latency"]
            written = sum(each["bytes_written"] for each in way["rounds"])
            new = sum(each["new_user_days"] for each in way["rounds"])
            rows.append([
                way["name"],
                f"{middle:.2f}",
                f"{rates[0]:.2f} – {rates[-1]:.2f}",
                duration(median(each["processor_seconds"] for each in way["rounds"]) / way["events"]),
                f"{duration(latency['median'])}, {duration(latency['p99'])}",
                f"{way['events'] / way['again']['seconds'] / 1e6:.2f}",
                f"{written / new:.0f}",
                f"{max(way['again']['bytes_written'], 0) / way['events']:.1f}",
                f"{written_a_user_day(way):.0f}",
            ])  # fmt: skip
            label = way["name"].replace("`", "")
            bars.append(Bar(label, middle, result["peer"] == OWN))
            write_bars.append(Bar(label, written_a_user_day(way), result["peer"] == OWN))
        head = [
            "way", "M events/s", "slowest – fastest", "processor time an event", "a body: median, p99",
            "the same again, M events/s",
            "bytes written a new user-day", "bytes written a repeat", "… all told, a user-day",
        ]  # fmt: skip
        chart.bars(self.charts / "ingest.svg", "Durable events, million a second", bars, plain)
        chart.bars(
            self.charts / "written.svg",
            "Bytes written to disk for each new user-day, all told",
            write_bars,
            plain,
            Scale.of_powers,
        )
        images = [self._image("ingest", "Durable events a second"), self._image("written", "Bytes written")]
        return "\n\n".join([images[0], table(head, rows), images[1]])

    def start(self) -> str:
        rows = []
        for result, way in self._ways("start"):
            users, facts = result["users"], way["facts"]
            for name, value in facts.items():
                what = name.replace("_", " ")
                if name.endswith("_seconds"):
                    rows.append([f"{what.removesuffix(' seconds')}", duration(value)])
                else:
                    rows.append([what, f"{value / (1 << 20):.0f} MiB, {value / users:.0f} bytes a person"])
        return table(["Dauphin", ""], rows) if rows else "Not measured."

    def space(self) -> str:
        rows = []
        for result, way in self._ways("series"):
            facts, users = way["facts"], result["users"]
            for name, what in [("resident_bytes", "memory"), ("disk_bytes", "disk")]:
                if name in facts:
                    rows.append(
                        [titled(result, way), what, f"{facts[name] / (1 << 20):.0f} MiB", f"{facts[name] / users:.0f}"]
                    )
        return table(["way", "", "", "bytes a person"], rows) if rows else "Not measured."

    def own(self) -> str:
        for _, way in self._ways("own"):
            told = way["report"]
            span = lambda each: f"{plain(each['min'])} – {plain(each['max'])}"  # noqa: E731
            rows = [
                [each["name"], plain(each["median"]), span(each), str(each["runs"]), each["unit"]]
                for each in told["measures"]
            ]
            return table(["", "median", "least – most", "runs", "unit"], rows)
        return "Not measured."

    def shown(self) -> str:
        found: dict[str, str] = {}
        for part in ("series", "import", "ingest"):
            for result, way in self._ways(part):
                found.setdefault(titled(result, way) + (", import" if part == "import" else ""), way["shown"])
        return "\n\n".join(f"{name}:\n\n```text\n{text}\n```" for name, text in found.items())

    def _ways(self, part: str) -> list[tuple[Result, Result]]:
        return [(result, way) for result in self.results if result["part"] == part for way in result.get("ways", [])]

    def _image(self, name: str, alternative: str) -> str:
        return f"![{alternative}]({os.path.join(self.charts.name, name)}.svg)"


def import_rate(way: Result, file: str) -> float | None:
    """Rows a second from one kind of file."""
    return way["rows"] / way["seconds"]["median"] if way["file"] == file else None


def ingest_rate(way: Result) -> float:
    """Events a second in the middle round."""
    return float(way["events"] / median(each["seconds"] for each in way["rounds"]))


def written_a_user_day(way: Result) -> float:
    return float(way["bytes_in_all"] / way["user_days"])


def own_median(ways: list[tuple[Result, Result]]) -> float | None:
    return next((way["seconds"]["median"] for result, way in ways if result["peer"] == OWN), None)


def titled(result: Result, way: Result, code: bool = True) -> str:
    name = way["name"] if code else way["name"].replace("`", "")
    return name if name.startswith(result["title"].split(" ")[0]) else f"{result['title'].split(' (')[0]}, {name}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def duration(seconds: float) -> str:
    for unit, size in [("s", 1.0), ("ms", 1e-3)]:
        if seconds >= size * 0.9995:
            return f"{plain(seconds / size)} {unit}"
    return f"{plain(seconds / 1e-6)} µs"


def plain(value: float) -> str:
    """Three digits that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def times(ratio: float) -> str:
    return f"{plain(ratio)} ×"


def millions(count: float) -> str:
    return f"{count / 1e6:.3g} M" if count >= 999_500 else f"{count:,.0f}"
