"""What came of a run: an operation passes when no check failed, and when it was called and succeeded at least once."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Report:
    """The operations of the document, and what is wrong with them."""

    operations: list[str]
    calls: int = 0
    wrong: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, openapi: dict[str, Any], har: Path, junit: Path) -> Report:
        paths = openapi["paths"]
        report = cls([f"{method.upper()} {path}" for path, methods in paths.items() for method in methods])
        calls = json.loads(har.read_text())["log"]["entries"]
        # The run itself reads the document first, and does not tell of it.
        statuses: dict[str, set[int]] = {"GET /openapi.json": {200}}
        for call in calls:
            called = f"{call['request']['method']} {unquote(urlsplit(call['request']['url']).path)}"
            statuses.setdefault(called, set()).add(call["response"]["status"])
        for operation in report.operations:
            # A parameter in the path stands for any text without a slash.
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation)))
            seen = set().union(*(found for called, found in statuses.items() if pattern.fullmatch(called)))
            if not seen:
                report.wrong[operation] = "was never called"
            elif not any(200 <= status < 300 for status in seen):
                report.wrong[operation] = f"never succeeded: {', '.join(map(str, sorted(seen)))}"
        for case in ElementTree.parse(junit).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                report.wrong[case.get("name", "a check")] = "failed, as said above"
        report.calls = len(calls)
        return report

    @property
    def failed(self) -> int:
        return len(self.wrong)

    def print(self) -> None:
        for operation, reason in self.wrong.items():
            print(f"{operation}: {reason}")
        print(f"schemathesis: {self.calls} requests to {len(self.operations)} operations")
        print(f"{len(self.operations) - self.failed} passed, {self.failed} failed")
