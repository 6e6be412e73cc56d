"""People made up by one client, who tells of them in order: what is said of one of them waits for the last answer."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from harness.client import Request
from harness.oracle import App, Day, Oracle, Profile

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_A_DAY = 86_400
LABEL = "crm"
ROWS_MAX = 100
MESSAGES_MAX = 12
TRACKED_MAX = 20
NAMES_MAX = {"user": 120, "anonymous": 80, "alias": 20}
"""How many names of a kind are in use at once."""
PERSON_MAX = 8
"""No link that is asked for makes a person of more profiles: people stay many."""
CROWD = 3_000
"""Users whom every family tells of, at any time, through any node; they are only ever active."""
SHARE_OF_CROWD = 0.4
PROBE_DAYS_BEFORE = 100
FAMILIES_MAX = 16
"""As many take turns with the days since 1970."""


class Family:
    """Draws requests. Only what the oracle has tells what may be asked for."""

    def __init__(self, number: int, seed: int, apps: list[str], days: range, oracle: Oracle) -> None:
        self.number = number
        self.name = f"f{number}"
        self.random = Random(f"{seed} {number}")
        self.apps = apps
        self.days = days
        self.oracle = oracle
        self.names: dict[str, list[Profile]] = {kind: [] for kind in NAMES_MAX}
        self.made = 0
        self.probes = 0
        self.doubtful: set[Profile] = set()
        """What was sent of them may have arrived twice, and the other time may be still to come. Harmless, unless they
        are deleted in between."""

    def draw(self) -> Request:
        """The next thing to tell."""
        chances: list[tuple[Callable[[], Request | None], int]] = [
            (self.ingest, 30),
            (self.segment, 30),
            (self.track, 18),
            (self.merge, 6),
            (self.alias, 5),
            (self.rename, 5),
            (self.delete, 6),
            (self.probe, 5),
        ]
        kinds, weights = zip(*chances, strict=True)
        # Some of it may be impossible for now.
        return self.random.choices(kinds, weights)[0]() or self.ingest()

    def doubt(self, request: Request) -> None:
        """It was sent again though it may have arrived."""
        self.doubtful |= request.profiles
        # Whoever comes back could be deleted by the other one: nobody does. Of the others some are left in peace, so
        # that there are always people who may be deleted.
        leaves = request.is_delete or self.random.random() < 0.5
        for names in self.names.values() if leaves else ():
            names[:] = [name for name in names if name not in request.profiles]

    def ingest(self) -> Request:
        """Rows of NDJSON, of this family and of everybody."""
        rows = []
        for _ in range(self.random.randint(1, ROWS_MAX)):
            is_of_crowd = self.random.random() < SHARE_OF_CROWD
            who = ("user", f"crowd-{self.random.randrange(CROWD)}") if is_of_crowd else self.a("user")
            rows.append((who, self.any_app(), self.day()))
        lines = []
        for (_, user), app, day in rows:
            in_app = {"app_id": app} if app else {}
            lines.append(json.dumps({"user_id": user, "time": self.time(day), **in_app}))

        def effect(oracle: Oracle) -> None:
            for who, app, day in rows:
                oracle.active(who, app, day)

        own = frozenset(who for who, _, _ in rows if not who[1].startswith("crowd-"))
        return Request("/ingest", "\n".join(lines).encode(), None, 200, own, effect, len(rows))

    def probe(self) -> Request | None:
        """Somebody on a day that nobody else has, long ago, whom the node must count when it answers."""
        day = self.days.start - PROBE_DAYS_BEFORE - self.probes * FAMILIES_MAX - self.number
        if day < 0:
            return None
        self.probes += 1
        who = ("user", f"probe-{self.name}-{self.probes}")
        body = json.dumps({"user_id": who[1], "time": self.time(day)}).encode()

        def effect(oracle: Oracle) -> None:
            oracle.active(who, None, day)

        return Request("/ingest?wait=true", body, None, 200, frozenset({who}), effect, 1, visible=day)

    def segment(self) -> Request:
        """Visitors, users, and visitors who turn out to be users, in the app of the write key."""
        app = self.random.choice(self.apps)
        messages: list[dict[str, Any]] = []
        told: list[tuple[Profile | None, Profile | None, Day | None]] = []
        claimed: set[Profile] = set()
        for _ in range(self.random.randint(1, MESSAGES_MAX)):
            day = self.day()
            visitor = self.a("anonymous") if self.random.random() < 0.7 else None
            user = self.a("user") if visitor is None or self.random.random() < 0.4 else None
            # Of two claims of one visitor the first wins; within a batch that is not what this is about.
            if visitor and user and (visitor in claimed or not self.may_claim(visitor, user)):
                user = None
            if visitor and user:
                claimed.add(visitor)
            is_identify = user is not None and self.random.random() < 0.3
            message: dict[str, Any] = {"type": "identify"} if is_identify else {"type": "track", "event": "look"}
            message["messageId"] = f"{self.name}-{self.next_number()}"
            message["timestamp"] = self.time(day)
            message |= {"anonymousId": visitor[1]} if visitor else {}
            message |= {"userId": user[1]} if user else {}
            messages.append(message)
            told.append((visitor, user, None if is_identify else day))

        def effect(oracle: Oracle) -> None:
            for visitor, user, day in told:
                if visitor and user:
                    oracle.claim(visitor, user)
                who = user or visitor
                if who and day is not None:
                    oracle.active(who, app, day)

        profiles = frozenset(who for visitor, user, _ in told for who in (visitor, user) if who)
        body = json.dumps({"batch": messages}).encode()
        events = sum(day is not None for *_, day in told)
        # The first claim of a visitor wins, once it is made.
        return Request("/v1/batch", body, app, 200, profiles, effect, events, after=self.linked(claimed))

    def track(self) -> Request:
        """Events of users and of aliases."""
        events = []
        told: list[tuple[Profile, App, Day]] = []
        for _ in range(self.random.randint(1, TRACKED_MAX)):
            who = self.a("alias") if self.random.random() < 0.2 else self.a("user")
            app, day = self.any_app(), self.day()
            event = {"name": "look", "time": self.time(day), **named(who)}
            events.append(event | ({"app_id": app} if app else {}))
            told.append((who, app, day))

        def effect(oracle: Oracle) -> None:
            for who, app, day in told:
                oracle.active(who, app, day)

        body = json.dumps({"events": events}).encode()
        profiles = frozenset(who for who, _, _ in told)
        return Request("/users/track", body, None, 201, profiles, effect, len(told))

    def merge(self) -> Request | None:
        """Two users, known or not, become one person."""
        gone, kept = self.a("user"), self.a("user")
        if not self.may_link(gone, kept):
            return None
        updates = [{"identifier_to_merge": named(gone), "identifier_to_keep": named(kept)}]
        body = json.dumps({"merge_updates": updates}).encode()

        def effect(oracle: Oracle) -> None:
            oracle.link(gone, kept)

        return Request("/users/merge", body, None, 202, frozenset({gone, kept}), effect)

    def alias(self) -> Request | None:
        """An alias and a user become one person, by either of the two routes."""
        alias, user = self.a("alias"), self.a("user")
        if not self.may_link(alias, user):
            return None

        def effect(oracle: Oracle) -> None:
            oracle.link(alias, user)

        path = self.random.choice(["/users/alias/new", "/users/identify"])
        new = {"user_aliases": [{**named(user), **named(alias)["user_alias"]}]}
        identified = {"aliases_to_identify": [{**named(user), **named(alias)}], "merge_behavior": "merge"}
        content = new if path == "/users/alias/new" else identified
        return Request(path, json.dumps(content).encode(), None, 201, frozenset({alias, user}), effect)

    def rename(self) -> Request | None:
        """A user who is known gets a name that nobody has; activity may come under both."""
        known = [user for user in self.names["user"] if user in self.oracle.person_of]
        current = [user for user in known if user not in self.oracle.out_of_use]
        if not current:
            return None
        old, new = self.random.choice(current), self.new("user")
        self.names["user"].append(new)
        renames = [{"current_external_id": old[1], "new_external_id": new[1]}]
        body = json.dumps({"external_id_renames": renames}).encode()

        def effect(oracle: Oracle) -> None:
            oracle.rename(old, new)

        profiles = frozenset({old, new})
        return Request("/users/external_ids/rename", body, None, 201, profiles, effect, after=self.linked({old}))

    def delete(self) -> Request | None:
        """Up to three users of whom nothing may still be on its way."""
        users = [user for user in self.names["user"] if not self.everybody(user) & self.doubtful]
        if not users:
            return None
        deleted = self.random.sample(users, min(len(users), self.random.randint(1, 3)))
        body = json.dumps({"external_ids": [name for _, name in deleted]}).encode()

        def effect(oracle: Oracle) -> None:
            for user in deleted:
                oracle.delete(user)

        everybody = frozenset(profile for user in deleted for profile in self.everybody(user))
        after = self.linked(deleted)
        return Request("/users/delete", body, None, 201, everybody, effect, is_delete=True, after=after)

    def linked(self, profiles: Iterable[Profile]) -> frozenset[Profile]:
        """Those of them who are not alone."""
        return frozenset(profile for profile in profiles if len(self.everybody(profile)) > 1)

    def may_link(self, profile: Profile, other: Profile) -> bool:
        return len(self.everybody(profile) | self.everybody(other)) <= PERSON_MAX

    def may_claim(self, visitor: Profile, user: Profile) -> bool:
        """A visitor who is somebody's already stays so."""
        return len(self.everybody(visitor)) > 1 or self.may_link(visitor, user)

    def everybody(self, profile: Profile) -> set[Profile]:
        """All profiles of a person."""
        person = self.oracle.person_of.get(profile)
        return person.profiles if person else {profile}

    def a(self, kind: str) -> Profile:
        """One of the family's, at times a new one."""
        names = self.names[kind]
        if not names or (len(names) < NAMES_MAX[kind] and self.random.random() < 0.3):
            names.append(self.new(kind))
            return names[-1]
        return self.random.choice(names)

    def new(self, kind: str) -> Profile:
        return (kind, f"{kind}-{self.name}-{self.next_number()}")

    def next_number(self) -> int:
        self.made += 1
        return self.made

    def any_app(self) -> App:
        return self.random.choice([None, *self.apps])

    def day(self) -> Day:
        """The latest days most of all."""
        back = min(int(self.random.expovariate(0.2)), len(self.days) - 1)
        return self.days[-1 - back]

    def time(self, day: Day) -> str:
        """Some second of the day."""
        second = timedelta(days=day, seconds=self.random.randrange(SECONDS_A_DAY))
        return (EPOCH + second).strftime("%Y-%m-%dT%H:%M:%SZ")


def named(profile: Profile) -> dict[str, Any]:
    """How Braze's routes name a user or an alias."""
    kind, name = profile
    if kind == "alias":
        return {"user_alias": {"alias_name": name, "alias_label": LABEL}}
    return {"external_id": name}
