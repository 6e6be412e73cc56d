"""The clients: which script of `peers/` drives each, and what it needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """One client of a registry."""

    name: str
    """As the registry calls it."""
    script: str
    """The file in `peers/` that drives it: `.py` with a Python of its own, `.mjs` with Node."""
    pythons: tuple[str, ...] = ("3.11", "3.12", "3.13")
    """The Pythons it runs on, best first, if the script is one of Python."""
    in_browser: bool = False
    """Whether the script drives it in Chromium."""

    @property
    def runs_on_node(self) -> bool:
        return self.script.endswith(".mjs")


CLIENTS = (
    Client("airbyte-cdk", "airbyte_cdk.py"),
    # Imports what later releases of the CDK no longer have, and the earlier ones do not run on Python 3.11.
    Client("airbyte-source-braze", "airbyte_source_braze.py", pythons=("3.10", "3.9")),
    Client("braze-mcp-server", "braze_mcp_server.py", pythons=("3.12", "3.13")),
    # Its retries are made with what Python 3.11 no longer has.
    Client("braze-client", "braze_client.py", pythons=("3.10", "3.9")),
    Client("edx-braze-client", "edx_braze_client.py"),
    Client("segment-analytics-python", "segment_analytics_python.py"),
    Client("braze-api", "braze_api.mjs"),
    Client("@segment/analytics-node", "segment_analytics_node.mjs"),
    Client("@rudderstack/analytics-js", "rudderstack_analytics_js.mjs", in_browser=True),
    Client("@braze/web-sdk", "braze_web_sdk.mjs", in_browser=True),
)
