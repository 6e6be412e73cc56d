"""Stands between a client and the server, writes down each request, and loses the answer to the first POST."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

CHUNK_BYTES = 65_536
METHODS = (b"GET ", b"POST ", b"OPTIONS ", b"HEAD ", b"PUT ")


class Forgetful:
    """Passes bytes on as they are. The first POST reaches the server and is answered, but its sender never knows:
    the connection closes instead. Every later answer arrives."""

    def __init__(self, server_url: str, record: Path) -> None:
        host, port = server_url.removeprefix("http://").split(":")
        self.server = (host, int(port))
        self.record = record
        self.record.touch()
        self.has_lost = False
        self.lock = Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections; those there are end with their peers."""
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            _Connection(self, client).start()

    def write_down(self, request: bytes, mark: str) -> None:
        """Adds `POST /path mark` to the record."""
        method, target, *_ = request.decode("latin-1").split(" ")
        with self.lock, self.record.open("a") as record:
            record.write(f"{method} {target} {mark}\n")

    def loses_this(self, request: bytes) -> bool:
        """Whether the answer to this request is the one to lose; true once."""
        with self.lock:
            loses = request.startswith(b"POST ") and not self.has_lost
            self.has_lost = self.has_lost or loses
            return loses


class _Connection:
    """Two threads, one for each way. Clients of HTTP/1.1 here send one request, then wait for its answer."""

    def __init__(self, proxy: Forgetful, client: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(proxy.server)
        self.request = b""

    def start(self) -> None:
        Thread(target=self._requests, daemon=True).start()
        Thread(target=self._answers, daemon=True).start()

    def _requests(self) -> None:
        for chunk in _chunks(self.client):
            if chunk.startswith(METHODS):
                self.request = chunk.split(b"\r\n", 1)[0]
            if not _passed_on(chunk, self.server):
                break
        _close(self.server)

    def _answers(self) -> None:
        for chunk in _chunks(self.server):
            # What answers for good, not a `100 Continue`.
            if chunk.startswith(b"HTTP/1.1 ") and not chunk.startswith(b"HTTP/1.1 100 "):
                if self.proxy.loses_this(self.request):
                    self.proxy.write_down(self.request, "lost")
                    break
                self.proxy.write_down(self.request, chunk[9:12].decode("latin-1"))
            if not _passed_on(chunk, self.client):
                break
        _close(self.client)
        _close(self.server)


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            chunk = connection.recv(CHUNK_BYTES)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


def _passed_on(chunk: bytes, connection: socket.socket) -> bool:
    try:
        connection.sendall(chunk)
    except OSError:
        return False
    return True


def _close(connection: socket.socket) -> None:
    # The other way may have closed it already.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
