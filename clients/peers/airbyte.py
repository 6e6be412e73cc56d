"""Runs an Airbyte source as Airbyte does: a command that prints messages, one a line."""

import json
import subprocess
from pathlib import Path
from typing import Any

from check import API_KEY, STAND


class Source:
    """A connector's command, with what it is given as files."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.program = Path(STAND["bin"]) / name
        self.arguments = arguments
        self.scratch = Path(STAND["scratch"])

    def status(self, **config: str) -> str:
        """What `check` finds: `SUCCEEDED` or `FAILED`."""
        messages = self._run("check", config=self._config(config))
        return next(message["connectionStatus"]["status"] for message in messages if "connectionStatus" in message)

    def streams(self) -> list[str]:
        """The names that `discover` finds."""
        messages = self._run("discover", config=self._config({}))
        catalog = next(message["catalog"] for message in messages if "catalog" in message)
        return sorted(stream["name"] for stream in catalog["streams"])

    def read(self, streams: list[str], since: str, state: dict[str, str] | None = None) -> "Read":
        """Reads the streams incrementally, from the state's day on if there is one, else from `since` on."""
        modes = {"supported_sync_modes": ["full_refresh", "incremental"]}
        configured = [
            {
                "stream": {"name": name, "json_schema": {}, **modes},
                "sync_mode": "incremental",
                "destination_sync_mode": "append",
            }
            for name in streams
        ]
        catalog = self._file("catalog", {"streams": configured})
        files = {"config": self._config({"start_date": since}), "catalog": catalog}
        if state:
            states = [
                {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": state}}
                for name in streams
            ]
            files["state"] = self._file("state", states)
        return Read(self._run("read", **files))

    def _config(self, config: dict[str, str]) -> Path:
        usual = {"url": STAND["forgetful_url"], "api_key": API_KEY, "start_date": "2026-01-01"}
        return self._file("config", {**usual, **config})

    def _file(self, name: str, content: object) -> Path:
        file = self.scratch / f"{name}.json"
        file.write_text(json.dumps(content))
        return file

    def _run(self, command: str, **files: Path) -> list[dict[str, Any]]:
        options = [argument for name, file in files.items() for argument in (f"--{name}", file)]
        ran = subprocess.run(
            [self.program, command, *self.arguments, *options], cwd=self.scratch, capture_output=True, text=True
        )
        messages = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
        if not messages:
            raise RuntimeError(f"{self.program.name} {command} printed no message: {ran.stderr[-2000:]}")
        return messages


class Read:
    """What a read printed."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages

    def points(self, stream: str, value: str) -> dict[str, int]:
        """The stream's records, `{"2026-03-01": 1}`."""
        records = [message["record"] for message in self.messages if "record" in message]
        return {record["data"]["time"]: record["data"][value] for record in records if record["stream"] == stream}

    def record_count(self, stream: str) -> int:
        """How many records the stream had, the same day twice counted twice."""
        return sum(message.get("record", {}).get("stream") == stream for message in self.messages)

    def state(self, stream: str) -> dict[str, str]:
        """What to read the stream on from."""
        states = [message["state"]["stream"] for message in self.messages if "state" in message]
        return [state["stream_state"] for state in states if state["stream_descriptor"]["name"] == stream][-1]
