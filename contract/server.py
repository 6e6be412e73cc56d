"""The real server, on a port of the system's choice, with a data directory that ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

# People whom generated requests can meet, on days that generated series can hold.
ROWS = [
    ("ada", "2018-06-25T12:00:00Z", "shop-web"),
    ("ada", "2018-06-28T12:00:00Z", "shop-ios"),
    ("bob", "2018-06-28T09:00:00Z", "shop-ios"),
    ("cleo", "2018-05-28T09:00:00Z", "shop-web"),
]


class Server:
    """Initialised, serving, and stopped at the end of the `with`."""

    def __init__(self, binary: Path, apps: list[str]) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="dauphin-contract-")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DAUPHIN_")}
        names = [word for app in apps for word in ("--app", f"{app}={app}")]
        made = json.loads(self._command(binary, "init", "--data", "data", *names))
        self.key: str = made["api_key"]
        self.write_key: str = made["apps"][0]["write_key"]
        self.binary = binary
        self.url = ""

    def _command(self, *words: object) -> str:
        ran = subprocess.run(
            [str(word) for word in words],
            cwd=self.place.name,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    def __enter__(self) -> Server:
        command = [str(self.binary), "serve", "--data", "data", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, cwd=self.place.name, env=self.environment, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "listening on " in line:
                self.url = line.split()[-1]
                # A full pipe would stop the server.
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return self
        raise RuntimeError("the server ended before it listened")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.place.cleanup()

    def fill(self) -> None:
        """Some activity, so that answers are not all zeros."""
        members = ("user_id", "time", "app_id")
        body = "".join(json.dumps(dict(zip(members, row, strict=True))) + "\n" for row in ROWS)
        self._request("/ingest", body.encode())

    def openapi(self) -> dict[str, Any]:
        """The document that the server serves."""
        return json.loads(self._request("/openapi.json"))

    def _request(self, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers)) as answer:
            return answer.read()
