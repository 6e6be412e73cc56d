"""Whether all who count exactly count the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Result = dict[str, Any]


@dataclass
class Agreement:
    """What was compared in a part: how many numbers, by how many ways, and where they differ."""

    part: str
    numbers: int = 0
    ways: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def agreement(part: str, results: list[Result]) -> Agreement:
    """Every number that two exact ways gave is compared, to the unit."""
    found = Agreement(part)
    given: dict[str, dict[str, int]] = {}
    for result in results:
        for way in result.get("ways", []):
            if counts := exact_counts(way):
                found.ways.append(f"{result['title']}, {way['name']}")
                for question, count in counts.items():
                    given.setdefault(question, {})[found.ways[-1]] = count
    for question, counts in given.items():
        if len(counts) > 1:
            found.numbers += 1
        if len(set(counts.values())) > 1:
            common, _ = Counter(counts.values()).most_common(1)[0]
            others = ", ".join(f"{way} says {count}" for way, count in counts.items() if count != common)
            found.differences.append(f"{question}: {others}; the others {common}")
    return found


def exact_counts(way: Result) -> dict[str, int]:
    """The counts of a way by what was counted."""
    if "rounds" in way:
        return {f"active on {day}": count for day, count in way["counts"].items()}
    if "user_days" in way:
        # A way whose runs differ disagrees with itself, and so with the others.
        return {"distinct user-days": way["user_days"][0] if len(way["user_days"]) == 1 else -1}
    if way.get("is_exact"):
        return {
            f"MAU of {scope} on {day}": count for scope, days in way["counts"].items() for day, count in days.items()
        }
    return {}


def errors(way: Result, exact: dict[str, int]) -> list[float]:
    """How far an estimate is from the exact counts of all apps, relatively."""
    return [abs(count - exact[day]) / exact[day] for day, count in way["counts"]["all"].items() if exact.get(day)]
