"""Clients that tell of their people all the time, and the oracle that takes what was acknowledged."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from threading import Condition, Lock, Thread
from typing import Any

from harness.client import Answer, Request, Unanswered, Workspace, post, profile_count
from harness.compare import ask
from harness.family import Family
from harness.oracle import Day, Oracle, Profile

ACKNOWLEDGED_SECONDS_MAX = 240.0
"""Longer than any fault lasts, and all that must be done again after it."""
AGAIN_SECONDS = 0.2
PAUSE_SECONDS_MAX = 60.0
NAMED_MAX = 20


class Load:
    """Some clients, each with people of its own, each on a thread of its own."""

    def __init__(self, workspace: Workspace, urls: Sequence[str], seed: int, days: range, clients: int) -> None:
        self.workspace = workspace
        self.urls = list(urls)
        self.oracle = Oracle()
        self.days = days
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        """What no fault excuses: at most so many are named."""
        self.pause_seconds = 0.05
        self._lock = Lock()
        self._change = Condition()
        self._goes_on = False
        self._is_over = False
        self._busy = 0
        families = [Family(number, seed, workspace.apps, days, self.oracle) for number in range(clients)]
        self._threads = [Thread(target=self._tell, args=(family,), daemon=True) for family in families]
        for thread in self._threads:
            thread.start()

    def resume(self) -> None:
        with self._change:
            self._goes_on = True
            self._change.notify_all()

    def pause(self) -> None:
        """Returns when everything that was sent is acknowledged."""
        with self._change:
            self._goes_on = False
            limit = ACKNOWLEDGED_SECONDS_MAX + PAUSE_SECONDS_MAX
            if not self._change.wait_for(lambda: self._busy == 0, limit):
                raise RuntimeError(f"{self._busy} clients are still waiting for an answer after {limit} s")

    def end(self) -> None:
        """Ends every client. Who still waits for an answer gives up: whoever cares has paused them before."""
        with self._change:
            self._is_over = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """Events so far."""
        return self.counts["events"]

    def _tell(self, family: Family) -> None:
        random = Random(family.name)
        while self._may_go_on():
            try:
                self._acknowledged(family, family.draw(), random)
            finally:
                with self._change:
                    self._busy -= 1
                    self._change.notify_all()
            time.sleep(random.uniform(0, 2 * self.pause_seconds))

    def _may_go_on(self) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._goes_on or self._is_over)
            if self._is_over:
                return False
            self._busy += 1
            return True

    def _acknowledged(self, family: Family, request: Request, random: Random) -> None:
        for profile in request.after:
            self._wait_for_links(profile, random)
        deadline = time.monotonic() + ACKNOWLEDGED_SECONDS_MAX
        may_have_arrived = False
        why = ""
        while time.monotonic() < deadline and not self._is_over:
            url = random.choice(self.urls)
            try:
                answer = post(url, self.workspace, request)
            except Unanswered as reason:
                why = str(reason)
                may_have_arrived |= reason.may_have_arrived
                self.counts["unanswered" if reason.may_have_arrived else "not connected"] += 1
            else:
                if answer.status < 500:
                    self._take(family, request, answer, may_have_arrived)
                    if request.visible is not None:
                        self._look(url, request.visible)
                    return
                why = f"{answer.status} {answer.body}"
                may_have_arrived = True
                self.counts[f"answered {answer.status}"] += 1
            self.counts["sent again"] += 1
            time.sleep(random.uniform(0, 2 * AGAIN_SECONDS))
        if not self._is_over:
            self._name(f"{request.path} was not acknowledged in {ACKNOWLEDGED_SECONDS_MAX} s, at last: {why}")

    def _wait_for_links(self, profile: Profile, random: Random) -> None:
        want = len(self.oracle.person_of[profile].profiles)
        deadline = time.monotonic() + ACKNOWLEDGED_SECONDS_MAX
        while (got := profile_count(random.choice(self.urls), self.workspace, profile)) != want and not self._is_over:
            if time.monotonic() > deadline:
                self._name(f"{profile} has {got} profiles after {ACKNOWLEDGED_SECONDS_MAX} s, want {want}")
                return
            self.counts["asked again"] += 1
            time.sleep(random.uniform(0, AGAIN_SECONDS))

    def _look(self, url: str, day: Day) -> None:
        """The node that answered counts it now; one that cannot be asked any more is not asked again."""
        with suppress(Unanswered, RuntimeError):
            (point,) = ask(url, self.workspace, "/kpi/dau/data_series", None, range(day, day + 1)).body["data"]
            if point["dau"] != 1:
                self._name(f"{url} answered when it was to be visible, but counts {point['dau']} on {point['time']}")

    def _take(self, family: Family, request: Request, answer: Answer, is_repeat: bool) -> None:
        with self._lock:
            if is_repeat:
                family.doubt(request)
            request.effect(self.oracle)
            self.counts["requests"] += 1
            self.counts["events"] += request.events
            self.counts[request.path] += 1
        not_taken = refusals(request, answer)
        # A rename that is done already is refused when it comes again.
        if not_taken and not (is_repeat and request.path == "/users/external_ids/rename"):
            self._name(f"{request.path} {request.body[:300]!r}: {answer.status} {not_taken}")

    def _name(self, what: str) -> None:
        with self._lock:
            self.counts["wrong"] += 1
            if len(self.wrong) < NAMED_MAX:
                self.wrong.append(what)


def refusals(request: Request, answer: Answer) -> Any:
    """What an answer says was not taken; nothing, if all of it was."""
    if answer.status != request.status:
        return answer.body
    refused = [answer.body.get(name) for name in ("rejected", "errors", "rename_errors")]
    return [each for each in refused if each]
