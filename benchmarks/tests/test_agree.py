"""Whoever counts exactly and differs is named; whoever estimates is not."""

from __future__ import annotations

import unittest
from typing import Any

from harness.agree import agreement, errors

DAYS = {"2025-02-02": 10, "2025-02-03": 12}


def series(title: str, days: dict[str, int], is_exact: bool = True) -> dict[str, Any]:
    return {"title": title, "ways": [{"name": "way", "is_exact": is_exact, "counts": {"all": days}}]}


def imported(title: str, user_days: list[int]) -> dict[str, Any]:
    return {"title": title, "ways": [{"name": "way", "user_days": user_days}]}


class TestAgreement(unittest.TestCase):
    def test_equal_counts_are_compared_and_counted(self) -> None:
        found = agreement("series", [series("A", DAYS), series("B", {"2025-02-03": 12})])
        self.assertEqual((found.numbers, found.differences), (1, []))

    def test_one_that_differs_by_one_is_named(self) -> None:
        off = {**DAYS, "2025-02-03": 13}
        found = agreement("series", [series("A", DAYS), series("B", DAYS), series("C", off)])
        self.assertEqual(found.differences, ["MAU of all on 2025-02-03: C, way says 13; the others 12"])

    def test_an_estimate_is_not_compared(self) -> None:
        found = agreement("series", [series("A", DAYS), series("B", {"2025-02-03": 11}, is_exact=False)])
        self.assertEqual((found.ways, found.differences), (["A, way"], []))

    def test_runs_of_one_way_that_differ_are_a_difference(self) -> None:
        self.assertEqual(agreement("import", [imported("A", [7]), imported("B", [7])]).differences, [])
        self.assertEqual(len(agreement("import", [imported("A", [7]), imported("B", [7, 8])]).differences), 1)

    def test_an_error_is_relative(self) -> None:
        estimate = series("B", {"2025-02-02": 9, "2025-02-03": 12}, is_exact=False)
        self.assertEqual(errors(estimate["ways"][0], DAYS), [0.1, 0.0])


if __name__ == "__main__":
    unittest.main()
