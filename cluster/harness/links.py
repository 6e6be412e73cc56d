"""The links between nodes and brokers: what passes their bytes on, and at times does not."""

import asyncio
import socket
import struct
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

from harness.brokers import Listener
from harness.ports import HOST

CHUNK_BYTES = 1 << 16
CONTROL_SECONDS_MAX = 30
LINGER_NOT = struct.pack("ii", 1, 0)
"""On, for no seconds."""


class Link:
    """One way to one broker. Its clients connect to the listener's advertised port. Lives on the loop of `Links`."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.server: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()
        self.delay_seconds = 0.0
        self.requests_flow = asyncio.Event()
        self.answers_flow = asyncio.Event()
        self.requests_flow.set()
        self.answers_flow.set()

    async def listen(self) -> None:
        if self.server is None:
            self.server = await asyncio.start_server(self._connected, HOST, self.listener.advertised)

    async def cut(self) -> None:
        """Every connection breaks, in the middle of whatever it carries. New ones may be made."""
        for writer in list(self.writers):
            # Closing then resets the connection instead of ending it; what is closed already cannot be told.
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            writer.transport.abort()

    async def refuse(self) -> None:
        """Every connection breaks, and nobody listens any more."""
        if self.server is not None:
            self.server.close()
            self.server = None
        await self.cut()

    async def stall(self) -> None:
        """Nothing arrives on either side, nothing breaks. What was sent arrives when it heals."""
        self.requests_flow.clear()
        self.answers_flow.clear()

    async def mute(self) -> None:
        """Requests arrive, answers do not, until it heals."""
        self.answers_flow.clear()

    async def delay(self, seconds: float) -> None:
        """Everything takes this much longer, each way."""
        self.delay_seconds = seconds

    async def heal(self) -> None:
        self.delay_seconds = 0.0
        self.requests_flow.set()
        self.answers_flow.set()
        await self.listen()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection(HOST, self.listener.port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, broker_writer}
        self.writers |= both
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(reader, broker_writer, self.requests_flow))
                ways.create_task(self._pass(broker_reader, writer, self.answers_flow))
        finally:
            self.writers -= both
            for each in both:
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: asyncio.Event) -> None:
        # A side that breaks ends the other when it can be told: not while nothing flows.
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                await flow.wait()
                writer.write(chunk)
                await writer.drain()
        await flow.wait()
        writer.transport.abort() if writer.is_closing() else writer.close()


class Links:
    """All links, on a thread of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def open(self, listeners: Iterable[Listener]) -> list[Link]:
        """A link to each of these listeners."""
        links: list[Link] = self.run(self._open(listeners))
        return links

    async def _open(self, listeners: Iterable[Listener]) -> list[Link]:
        links = [Link(listener) for listener in listeners]
        for link in links:
            await link.listen()
        return links

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Waits for something that is done to links."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(CONTROL_SECONDS_MAX)

    def end(self) -> None:
        """Ends the thread; whatever is still connected breaks with the process."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
