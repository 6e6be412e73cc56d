"""Braze's MCP server, started and asked over its standard input as an assistant does."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from activity import TODAY, Activity, days
from check import API_KEY, STAND, equal
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

LENGTH = 20
LAST = TODAY - timedelta(days=10)
DAYS = days(LAST - timedelta(days=LENGTH - 1), LAST)
ENDING_AT = f"{LAST}T23:59:59Z"


async def main() -> None:
    activity = Activity()
    server = StdioServerParameters(
        command=str(Path(STAND["bin"]) / "braze-mcp-server"),
        env={"BRAZE_API_KEY": API_KEY, "BRAZE_BASE_URL": STAND["url"]},
        cwd=STAND["scratch"],
    )
    with (Path(STAND["scratch"]) / "mcp.log").open("w") as log:
        async with stdio_client(server, errlog=log) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            await ask_series(session, activity)
            await ask_wrongly(session)


async def ask_series(session: ClientSession, activity: Activity) -> None:
    """Each tool of the KPIs, with values."""
    for function, value, count in [
        ("get_dau_data_series", "dau", activity.active),
        ("get_mau_data_series", "mau", lambda day: activity.active(day, window=30)),
        ("get_new_users_data_series", "new_users", activity.new),
        ("get_session_data_series", "sessions", activity.active),
        ("get_uninstalls_data_series", "uninstalls", lambda day: 0),
    ]:
        answer = await call(session, function, length=LENGTH, ending_at=ENDING_AT)
        # What did not fit its model comes back as it was, without the name of one.
        equal(f"{function} fits its model", answer.get("schema", {}).get("description", "")[:13], "Response data")
        equal(function, points(answer, value), {str(day): count(day) for day in DAYS})
    answer = await call(session, "get_dau_data_series", length=LENGTH, ending_at=ENDING_AT, app_id="web")
    want = {str(day): activity.active(day, app="web") for day in DAYS}
    equal("get_dau_data_series of an app", points(answer, "dau"), want)
    answer = await call(session, "get_dau_data_series", length=1)
    equal("get_dau_data_series until now", points(answer, "dau"), {str(TODAY): activity.active(TODAY)})
    answer = await call(session, "get_campaign_list")
    equal("get_campaign_list", answer.get("data"), {"message": "success", "campaigns": []})


async def ask_wrongly(session: ClientSession) -> None:
    """Errors arrive as this server words them."""
    answer = await call(session, "get_dau_data_series", length=101)
    details = answer["error"]["details"]
    equal("length 101", details["http_status"], 400)
    equal("length 101 is named", "`length`" in details["response_body"]["message"], True)
    answer = await call(session, "get_dau_data_series", length=1, app_id="none")
    equal("an unknown app", answer["error"]["details"]["http_status"], 400)


async def call(session: ClientSession, function: str, **parameters: object) -> dict[str, Any]:
    """What the tool that calls functions answers."""
    result = await session.call_tool("call_function", {"function_name": function, "parameters": parameters})
    return json.loads(result.content[0].text)


def points(answer: dict[str, Any], value: str) -> dict[str, int]:
    """`{"2026-03-01": 1}` of an answer."""
    return {point["time"]: point.get(value) for point in answer.get("data", {}).get("data", [])}


asyncio.run(main())
