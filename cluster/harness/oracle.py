"""Active users counted from sets, nothing clever. Written from the contract; shares nothing with the server."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Profile = tuple[str, str]
"""A kind of identity and its text: `("user", "ann")`, `("anonymous", "d-7")`."""
Day = int
"""Days since 1970 in the workspace's zone."""
App = str | None
"""An app's identifier; `None`: activity that came without one."""


@dataclass
class Person:
    """Profiles that are counted together."""

    profiles: set[Profile] = field(default_factory=set)


@dataclass(frozen=True)
class Series:
    """What the server must answer for a scope, day by day."""

    dau: list[int]
    wau: list[int]
    mau: list[int]
    new_users: list[int]


class Oracle:
    """Who was active when, and who is who. One thread at a time."""

    def __init__(self) -> None:
        self.days: dict[Profile, set[tuple[App, Day]]] = {}
        self.person_of: dict[Profile, Person] = {}
        self.out_of_use: set[Profile] = set()

    def active(self, profile: Profile, app: App, day: Day) -> None:
        """Something was done that makes active."""
        self.know(profile)
        self.days[profile].add((app, day))

    def know(self, profile: Profile) -> Person:
        """The person of a profile, who may be new, and need not have done anything."""
        person = self.person_of.get(profile)
        if person is None:
            person = Person({profile})
            self.person_of[profile] = person
            self.days[profile] = set()
        return person

    def link(self, profile: Profile, other: Profile) -> None:
        """The two are one person from now on, past included."""
        gone, kept = self.know(profile), self.know(other)
        if gone is not kept:
            kept.profiles |= gone.profiles
            for moved in gone.profiles:
                self.person_of[moved] = kept

    def claim(self, anonymous: Profile, user: Profile) -> None:
        """A link, unless the device is somebody's already."""
        if len(self.know(anonymous).profiles) == 1:
            self.link(anonymous, user)

    def rename(self, current: Profile, new: Profile) -> None:
        """Another name of the same person, if it is nobody's; the old one stays a name of theirs."""
        if current in self.person_of and current not in self.out_of_use and new not in self.person_of:
            self.link(new, current)
            self.out_of_use.add(current)

    def delete(self, profile: Profile) -> None:
        """Forgets the person: every profile, every day. Who comes back under one of the names is new."""
        person = self.person_of.get(profile)
        for each in person.profiles if person else ():
            del self.days[each], self.person_of[each]
            self.out_of_use.discard(each)

    def calendars(self, scope: App) -> list[set[Day]]:
        """The active days of each person in an app, or in all of them and without one (`None`)."""
        people = {id(person): person for person in self.person_of.values()}
        calendars = []
        for person in people.values():
            activity = (each for profile in person.profiles for each in self.days[profile])
            days = {day for app, day in activity if scope is None or app == scope}
            if days:
                calendars.append(days)
        return calendars

    def series(self, scope: App, first: Day, count: int) -> Series:
        """The answers for `count` days from `first` on."""
        calendars = self.calendars(scope)
        return Series(
            dau=active_users(calendars, 1, first, count),
            wau=active_users(calendars, 7, first, count),
            mau=active_users(calendars, 30, first, count),
            new_users=points((min(days) for days in calendars), first, count),
        )


def active_users(calendars: Iterable[set[Day]], window: int, first: Day, count: int) -> list[int]:
    """How many were active in the `window` days that end with each day."""
    counted = ({day + later for day in days for later in range(window)} for days in calendars)
    return points((day for days in counted for day in days), first, count)


def points(days: Iterable[Day], first: Day, count: int) -> list[int]:
    """How often each of the `count` days from `first` on occurs."""
    sums = [0] * count
    for day in days:
        if first <= day < first + count:
            sums[day - first] += 1
    return sums
