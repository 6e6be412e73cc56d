"""A client as they are: sends a request again, to whichever node, until it is acknowledged."""

import base64
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from harness.oracle import App, Day, Oracle, Profile

ANSWER_SECONDS_MAX = 5.0
"""Less than a node may be frozen for: its clients go elsewhere, and what it has of theirs comes late."""


@dataclass(frozen=True)
class Workspace:
    """What a client must know to send and to ask."""

    api_key: str
    write_keys: dict[str, str]
    """By the app's identifier."""

    @classmethod
    def read(cls, told: str) -> "Workspace":
        """From what the making of a workspace prints."""
        made = json.loads(told)
        return cls(made["api_key"], {app["app_id"]: app["write_key"] for app in made["apps"]})

    @property
    def apps(self) -> list[str]:
        return list(self.write_keys)


@dataclass(frozen=True)
class Request:
    """Something to be acknowledged, and what it means once it is."""

    path: str
    body: bytes
    app: App
    """The app whose write key opens the route; `None`: the API key does."""
    status: int
    """Of the answer when all of it was taken."""
    profiles: frozenset[Profile]
    """Everybody whom it names."""
    effect: Callable[[Oracle], None]
    events: int = 0
    is_delete: bool = False
    after: frozenset[Profile] = frozenset()
    """People whose links must have been made before: those of SDKs are acknowledged when they are sure to be made."""
    visible: Day | None = None
    """A day on which the node that acknowledges it must count somebody at once."""

    def authorization(self, workspace: Workspace) -> str:
        if self.app is None:
            return f"Bearer {workspace.api_key}"
        return "Basic " + base64.b64encode(f"{workspace.write_keys[self.app]}:".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """What a node said."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    """Names in lower case."""


class Unanswered(Exception):
    """Nobody knows what became of a request."""

    def __init__(self, why: str, may_have_arrived: bool) -> None:
        super().__init__(why)
        self.may_have_arrived = may_have_arrived


def post(url: str, workspace: Workspace, request: Request) -> Answer:
    """Sends once."""
    headers = {"Authorization": request.authorization(workspace), "Content-Type": "application/json"}
    return exchange(url, "POST", request.path, headers, request.body)


def profile_count(url: str, workspace: Workspace, profile: Profile) -> int:
    """Of how many profiles a node says that somebody consists; 0 while it does not know them, or does not say."""
    kind, name = profile
    identity = {"anonymous": {"anonymous_id": name}, "user": {"external_id": name}}[kind]
    body = json.dumps({"user": identity}).encode()
    headers = {"Authorization": f"Bearer {workspace.api_key}", "Content-Type": "application/json"}
    try:
        return int(exchange(url, "POST", "/admin/users/show", headers, body).body.get("profiles", 0))
    except Unanswered:
        return 0


def get(url: str, workspace: Workspace, path: str, query: dict[str, str | int]) -> Answer:
    """Asks once."""
    headers = {"Authorization": f"Bearer {workspace.api_key}"}
    return exchange(url, "GET", f"{path}?{urlencode(query)}", headers, None)


def exchange(url: str, method: str, target: str, headers: dict[str, str], body: bytes | None) -> Answer:
    """On a connection of its own: a node that was killed leaves nothing behind that the next request meets."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS_MAX)
    is_connected = False
    try:
        connection.connect()
        is_connected = True
        connection.request(method, target, body, headers)
        answered = connection.getresponse()
        read = answered.read()
        named = {name.lower(): value for name, value in answered.getheaders()}
        return Answer(answered.status, json.loads(read or b"{}"), named)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unanswered(f"{type(error).__name__}: {error}", is_connected) from None
    finally:
        connection.close()
