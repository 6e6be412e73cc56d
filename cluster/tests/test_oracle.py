"""The oracle against answers worked out by hand from the contract."""

import unittest

from harness.oracle import Oracle, Series

ANN, BOB, DEVICE, OTHER = ("user", "ann"), ("user", "bob"), ("anonymous", "d"), ("anonymous", "e")


class OracleTest(unittest.TestCase):
    def setUp(self) -> None:
        self.oracle = Oracle()

    def dau(self, scope: str | None = None) -> list[int]:
        return self.oracle.series(scope, 0, 4).dau

    def test_a_day_counts_once_in_each_scope(self) -> None:
        for app in ("web", "web", "ios", None):
            self.oracle.active(ANN, app, 1)
        self.oracle.active(BOB, "web", 1)
        self.assertEqual([self.dau(), self.dau("web"), self.dau("ios")], [[0, 2, 0, 0], [0, 2, 0, 0], [0, 1, 0, 0]])

    def test_windows_end_with_their_day(self) -> None:
        self.oracle.active(ANN, None, 0)
        self.oracle.active(ANN, None, 7)
        got = self.oracle.series(None, 0, 32)
        wau = [1] * 14 + [0] * 18
        new = [1] + [0] * 31
        self.assertEqual(got, Series([1] + [0] * 6 + [1] + [0] * 24, wau, [1] * 32, new))
        self.assertEqual(self.oracle.series(None, 36, 2).mau, [1, 0])

    def test_activity_before_the_series_counts_in_its_windows(self) -> None:
        self.oracle.active(ANN, None, 0)
        got = self.oracle.series(None, 3, 5)
        self.assertEqual((got.dau, got.wau, got.new_users), ([0] * 5, [1, 1, 1, 1, 0], [0] * 5))

    def test_a_claim_unites_the_past(self) -> None:
        self.oracle.active(DEVICE, "web", 1)
        self.oracle.active(ANN, "web", 1)
        self.oracle.active(ANN, "web", 2)
        self.oracle.claim(DEVICE, ANN)
        got = self.oracle.series(None, 0, 4)
        self.assertEqual((got.dau, got.new_users), ([0, 1, 1, 0], [0, 1, 0, 0]))

    def test_a_device_is_claimed_once(self) -> None:
        for who in (DEVICE, ANN, BOB):
            self.oracle.active(who, None, 1)
        self.oracle.claim(DEVICE, ANN)
        self.oracle.claim(DEVICE, BOB)
        self.assertEqual(self.dau(), [0, 2, 0, 0])

    def test_a_person_may_have_several_devices(self) -> None:
        for who in (DEVICE, OTHER, ANN):
            self.oracle.active(who, None, 1)
        self.oracle.claim(DEVICE, ANN)
        self.oracle.claim(OTHER, ANN)
        self.assertEqual(self.dau(), [0, 1, 0, 0])

    def test_links_unite_whole_people(self) -> None:
        for who in (DEVICE, OTHER, ANN, BOB):
            self.oracle.active(who, None, 1)
        self.oracle.claim(DEVICE, ANN)
        self.oracle.claim(OTHER, BOB)
        self.oracle.link(DEVICE, OTHER)
        self.assertEqual(self.dau(), [0, 1, 0, 0])

    def test_deleting_forgets_every_profile(self) -> None:
        self.oracle.active(DEVICE, None, 1)
        self.oracle.claim(DEVICE, ANN)
        self.oracle.delete(ANN)
        self.assertEqual(self.dau(), [0, 0, 0, 0])
        self.oracle.active(DEVICE, None, 2)
        self.oracle.active(ANN, None, 2)
        got = self.oracle.series(None, 0, 4)
        self.assertEqual((got.dau, got.new_users), ([0, 0, 2, 0], [0, 0, 2, 0]))

    def test_deleting_nobody_changes_nothing(self) -> None:
        self.oracle.active(ANN, None, 1)
        self.oracle.delete(BOB)
        self.assertEqual(self.dau(), [0, 1, 0, 0])

    def test_a_rename_keeps_activity_under_both_names(self) -> None:
        self.oracle.active(ANN, None, 1)
        self.oracle.rename(ANN, BOB)
        self.oracle.active(ANN, None, 2)
        self.oracle.active(BOB, None, 2)
        got = self.oracle.series(None, 0, 4)
        self.assertEqual((got.dau, got.new_users), ([0, 1, 1, 0], [0, 1, 0, 0]))

    def test_a_name_of_somebody_is_not_given_again(self) -> None:
        self.oracle.active(ANN, None, 1)
        self.oracle.active(BOB, None, 1)
        self.oracle.rename(ANN, BOB)
        self.assertEqual(self.dau(), [0, 2, 0, 0])

    def test_a_name_out_of_use_is_not_renamed_again(self) -> None:
        self.oracle.active(ANN, None, 1)
        self.oracle.rename(ANN, BOB)
        self.oracle.rename(ANN, ("user", "cleo"))
        self.oracle.active(("user", "cleo"), None, 1)
        self.assertEqual(self.dau(), [0, 2, 0, 0])
